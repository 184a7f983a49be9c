package pcapio

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// Output is a file that appears under its name only when it is complete.
type Output struct {
	w    io.Writer
	file *os.File // nil for standard output
	temp string   // temporary name, empty if the file is written in place
	path string
	done bool
}

// Create opens path for writing. A regular file is written under a temporary
// name in the same directory and renamed by Commit, so that a reader never
// sees half of it; Abort removes it. A symbolic link is followed, an
// existing file's permission bits are kept (a new one has 0644 less the umask).
// Devices and pipes are written directly, and "-" is stdout.
//
// inputs are the files that are being read, as Reader.Info gives them (nil
// entries are ignored): if path or stdout is one of them, the error is
// ErrSameFile. Packets are not buffered here: the Writers do that.
func Create(path string, stdout io.Writer, inputs ...os.FileInfo) (*Output, error) {
	if path == "-" {
		if f, ok := stdout.(*os.File); ok {
			info, err := f.Stat()
			if err == nil && info.Mode().IsRegular() && isInput(info, inputs) {
				return nil, fmt.Errorf("%w: standard output", ErrSameFile)
			}
		}
		return &Output{w: stdout}, nil
	}
	perm, keep := fs.FileMode(0o644), false
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return nil, &fs.PathError{Op: "create", Path: path, Err: errors.New("is a directory")}
	case err == nil && isInput(info, inputs):
		return nil, fmt.Errorf("%w: %s", ErrSameFile, path)
	case err == nil && !info.Mode().IsRegular():
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return nil, err
		}
		return &Output{w: f, file: f, path: path}, nil
	case err == nil:
		perm, keep = info.Mode().Perm(), true
		if perm&0o200 == 0 {
			return nil, &fs.PathError{Op: "create", Path: path, Err: fs.ErrPermission}
		}
		if path, err = filepath.EvalSymlinks(path); err != nil {
			return nil, err
		}
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	return createTemp(path, perm, keep)
}

func createTemp(path string, perm fs.FileMode, keep bool) (*Output, error) {
	dir, base := filepath.Split(path)
	for range 100 {
		temp := filepath.Join(dir, fmt.Sprintf(".%s.%08x.tmp", base, rand.Uint32()))
		f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			var pe *fs.PathError
			if errors.As(err, &pe) {
				err = &fs.PathError{Op: "create", Path: path, Err: pe.Err} // the name the user knows
			}
			return nil, err
		}
		if keep {
			f.Chmod(perm) // against the umask; a file system without permissions may refuse
		}
		return &Output{w: f, file: f, temp: temp, path: path}, nil
	}
	return nil, &fs.PathError{Op: "create", Path: path, Err: fs.ErrExist}
}

func isInput(info os.FileInfo, inputs []os.FileInfo) bool {
	for _, in := range inputs {
		// A terminal or /dev/null may well be both.
		if in != nil && in.Mode().IsRegular() && os.SameFile(in, info) {
			return true
		}
	}
	return false
}

// Write writes p.
func (o *Output) Write(p []byte) (int, error) { return o.w.Write(p) }

// Commit closes the file and gives it its name. Without a Commit there is no
// output file. On an error nothing is left behind. Standard output stays open.
func (o *Output) Commit() error {
	if o.done {
		return os.ErrClosed
	}
	o.done = true
	if o.file == nil {
		return nil
	}
	err := o.file.Close()
	if o.temp == "" {
		return err
	}
	if err == nil {
		err = os.Rename(o.temp, o.path)
	}
	if err != nil {
		os.Remove(o.temp)
	}
	return err
}

// Abort closes and removes the unfinished file. After Commit it does nothing,
// so it can be deferred.
func (o *Output) Abort() error {
	if o.done {
		return nil
	}
	o.done = true
	if o.file == nil {
		return nil
	}
	err := o.file.Close()
	if o.temp != "" {
		err = errors.Join(err, os.Remove(o.temp))
	}
	return err
}
