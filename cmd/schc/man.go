package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"github.com/schckit/schckit/internal/pcapio"
)

func newMan(e *env) *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "man [flags] [COMMAND]...",
		Short: "Write manual pages",
		Long: `Print the manual page of schc, or of a command, or with --dir write those of all
commands into a directory.`,
		Example: `  schc man compress | man -l -
  schc man --dir /usr/local/share/man/man1`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			root := cmd.Root()
			if dir != "" {
				if len(args) > 0 {
					return usagef(cmd, "--dir writes the pages of all commands; it takes no COMMAND")
				}
				return manDir(e, root, dir)
			}
			page, rest, err := root.Find(args)
			if err != nil || len(rest) > 0 {
				return usagef(cmd, "there is no command %q", strings.Join(args, " "))
			}
			text, err := manPage(page)
			if err != nil {
				return err
			}
			_, err = e.stdout.Write(text)
			return err
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "", "write the pages of all commands into the directory `DIR`")
	cmd.MarkFlagDirname("dir")
	return cmd
}

// manPage returns the manual page of one command.
func manPage(cmd *cobra.Command) ([]byte, error) {
	cmd.InitDefaultHelpFlag()
	date := now()
	var b bytes.Buffer
	err := doc.GenMan(cmd, &doc.GenManHeader{Section: "1", Source: "schc", Manual: "schc manual", Date: &date}, &b)
	return b.Bytes(), err
}

// manDir writes the pages of cmd and its subcommands.
func manDir(e *env, cmd *cobra.Command, dir string) error {
	if info, err := os.Stat(dir); err != nil {
		return hint(err, "make the directory first")
	} else if !info.IsDir() {
		return hint(&os.PathError{Op: "man", Path: dir, Err: os.ErrInvalid}, "--dir needs a directory")
	}
	for _, c := range append([]*cobra.Command{cmd}, cmd.Commands()...) {
		if c != cmd && c.HasSubCommands() && c.IsAvailableCommand() {
			if err := manDir(e, c, dir); err != nil {
				return err
			}
			continue
		}
		if c != cmd && (!c.IsAvailableCommand() || c.IsAdditionalHelpTopicCommand()) {
			continue
		}
		text, err := manPage(c)
		if err != nil {
			return err
		}
		name := filepath.Join(dir, strings.ReplaceAll(c.CommandPath(), " ", "-")+".1")
		out, err := pcapio.Create(name, e.stdout)
		if err != nil {
			return err
		}
		_, err = out.Write(text)
		if err == nil {
			err = out.Commit()
		}
		out.Abort()
		if err != nil {
			return err
		}
	}
	return nil
}
