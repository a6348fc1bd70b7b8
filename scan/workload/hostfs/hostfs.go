// Package hostfs reads files of the host's file system under a root ([Tree]),
// without being led astray: what a user put there must not make root open anything
// else. It tells one content of a file from the next ([Stamp]).
package hostfs

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

// Limits of files of state.
const (
	// MaxFile bounds a file, in bytes. An OCI configuration has some ten
	// kilobytes, the list of a thousand containers some hundred.
	MaxFile = 4 << 20
	// maxNames bounds the entries of a directory that are read.
	maxNames = 16_384
)

// Errors of files that are there.
var (
	ErrNotRegular = errors.New("must be a regular file")
	ErrTooLarge   = fmt.Errorf("must have at most %d bytes", MaxFile)
)

// Tree is a part of the host's file system. Paths within it begin with a slash.
type Tree struct {
	Root string
	// Home, if not empty, is a directory under root that belongs to a user. What
	// is in it is read without following links or crossing mounts: what a user
	// puts there must not make root open anything else.
	Home string
}

// Within is a user's directory of the tree.
func (t Tree) Within(home string) Tree { return Tree{Root: t.Root, Home: home} }

// Failed says which path of the host could not be read.
func (t Tree) Failed(path string, err error) error {
	return fmt.Errorf("%s: %w", t.Home+path, Plain(err))
}

// Stamp tells one content of a file from the next.
type Stamp struct {
	tree     Tree
	Path     string // within the tree; empty: of no file
	modified int64  // nanoseconds
	Size     int64
	Inode    uint64
}

// Current tells whether the file is still the same.
func (s Stamp) Current() bool {
	now, err := s.tree.Stat(s.Path)
	return err == nil && now == s
}

// Stat tells which content a path has now.
func (t Tree) Stat(path string) (Stamp, error) {
	file, err := t.open(path, false)
	if err != nil {
		return Stamp{}, t.Failed(path, err)
	}
	defer file.Close() //nolint:errcheck // reading only
	return t.stamp(file, path)
}

func (t Tree) stamp(file *os.File, path string) (Stamp, error) {
	info, err := file.Stat()
	if err != nil {
		return Stamp{}, t.Failed(path, err)
	}
	return Stamp{tree: t, Path: path, modified: info.ModTime().UnixNano(), Size: info.Size(), Inode: inode(info)}, nil
}

// Exists tells whether there is a path, as far as may be seen.
func (t Tree) Exists(path string) bool {
	_, err := t.Stat(path)
	return err == nil || !errors.Is(err, fs.ErrNotExist)
}

// Read gives a regular file of at most [MaxFile].
func (t Tree) Read(path string) ([]byte, Stamp, error) {
	file, err := t.open(path, true)
	if err != nil {
		return nil, Stamp{}, t.Failed(path, err)
	}
	defer file.Close() //nolint:errcheck // reading only
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, Stamp{}, t.Failed(path, ErrNotRegular)
	}
	s, err := t.stamp(file, path)
	if err != nil {
		return nil, Stamp{}, err
	}
	text, err := io.ReadAll(io.LimitReader(file, MaxFile+1))
	if err != nil {
		return nil, Stamp{}, t.Failed(path, err)
	}
	if len(text) > MaxFile {
		return nil, Stamp{}, t.Failed(path, ErrTooLarge)
	}
	return text, s, nil
}

// ReadJSON reads a file of JSON into v.
func (t Tree) ReadJSON(path string, v any) (Stamp, error) {
	text, s, err := t.Read(path)
	if err != nil {
		return Stamp{}, err
	}
	if err := Decode(text, v); err != nil {
		return Stamp{}, t.Failed(path, err)
	}
	return s, nil
}

// Decode reads JSON leniently: fields of another type than expected are left
// out, as are those that are not known.
func Decode(text []byte, v any) error {
	err := json.Unmarshal(text, v)
	var wrongType *json.UnmarshalTypeError
	if errors.As(err, &wrongType) && wrongType.Field != "" {
		return nil
	}
	return err
}

// Names lists a directory, unsorted, at most [maxNames].
func (t Tree) Names(path string) []string { return t.firstNames(path, maxNames) }

func (t Tree) firstNames(path string, limit int) []string {
	dir, err := t.open(path, true)
	if err != nil {
		return nil
	}
	defer dir.Close() //nolint:errcheck // reading only
	names, err := dir.Readdirnames(limit)
	if err != nil {
		return nil
	}
	return names
}

// Plain takes the path off an error, which is named with another root.
func Plain(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// HomeOf gives the home directory of a user id by passwd(5), or nothing.
func (t Tree) HomeOf(uid string) string {
	if uid == "" {
		return ""
	}
	text, _, err := t.Read("/etc/passwd")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		fields := strings.Split(strings.TrimSpace(line), ":")
		if len(fields) == 7 && fields[2] == uid && strings.HasPrefix(fields[5], "/") {
			return fields[5]
		}
	}
	return ""
}
