#!/usr/bin/env bash
# Checks what the documentation promises: every package has a package comment,
# relative links in Markdown files lead to a file, and every "make TARGET" in
# them is a target of the Makefile.
set -uo pipefail

go=${GO:-go}
bad=0
say() { echo "docs: $*" >&2; bad=1; }

if ! undocumented=$("$go" list -f '{{if not .Doc}}{{.ImportPath}} {{.Name}} {{len .GoFiles}}{{end}}' ./...); then
	exit 1
fi
while read -r path name files; do
	[ -n "$path" ] && [ "$files" != 0 ] && say "package $name ($path) has no package comment"
done <<<"$undocumented"

targets=$(sed -n 's/^\([a-z][a-z0-9-]*\):.*/\1/p' Makefile)
count=0
while IFS= read -r file; do
	count=$((count + 1))
	dir=$(dirname "$file")
	while IFS= read -r link; do
		[ -n "$link" ] || continue
		case $link in
		'#'* | *://* | mailto:*) continue ;;
		/*) target=.$link ;;
		*) target=$dir/$link ;;
		esac
		[ -e "${target%%#*}" ] || say "$file: link to $link: no such file"
	done < <(awk '/^ *```/ { code = !code } !code { gsub(/`[^`]*`/, ""); print }' "$file" |
		grep -oE '\]\([^) ]+\)' | sed 's/^](//; s/)$//')
	while IFS= read -r t; do
		[ -n "$t" ] || continue
		grep -qx "$t" <<<"$targets" || say "$file: \"make $t\": no such target"
	done < <(awk '/^ *```/ { code = !code; next } code && /^ *(\$ )?make / { sub(/^ *\$ /, ""); print } !code { while (match($0, /`make [^`]*`/)) { print substr($0, RSTART + 1, RLENGTH - 2); $0 = substr($0, RSTART + RLENGTH) } }' "$file" |
		sed -nE 's/^ *make ([a-z][a-z0-9-]*).*/\1/p')
done < <(find . \( -name .git -o -name .check -o -name node_modules \) -prune -o -name '*.md' -print | sort)
[ $bad = 0 ] && echo "docs: ok ($count Markdown files)"
exit $bad
