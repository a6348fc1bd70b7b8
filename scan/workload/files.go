package workload

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// Limits of files of state.
const (
	// maxFile bounds a file, in bytes. An OCI configuration has some ten
	// kilobytes, the list of a thousand containers some hundred.
	maxFile = 4 << 20
	// maxNames bounds the entries of a directory that are read.
	maxNames = 16_384
)

// Errors of files that are there.
var (
	errNotRegular = errors.New("must be a regular file")
	errTooLarge   = fmt.Errorf("must have at most %d bytes", maxFile)
)

// tree is a part of the host's file system. Paths within it begin with a slash.
type tree struct {
	root string
	// home, if not empty, is a directory under root that belongs to a user. What
	// is in it is read without following links or crossing mounts: what a user
	// puts there must not make root open anything else.
	home string
}

func (t tree) within(home string) tree { return tree{root: t.root, home: home} }

// failed says which path of the host could not be read.
func (t tree) failed(path string, err error) error {
	return fmt.Errorf("%s: %w", t.home+path, plain(err))
}

// stamp tells one content of a file from the next.
type stamp struct {
	tree     tree
	path     string
	modified int64 // nanoseconds
	size     int64
	inode    uint64
}

// current tells whether the file is still the same.
func (s stamp) current() bool {
	now, err := s.tree.stat(s.path)
	return err == nil && now == s
}

func (t tree) stat(path string) (stamp, error) {
	file, err := t.open(path, false)
	if err != nil {
		return stamp{}, t.failed(path, err)
	}
	defer file.Close() //nolint:errcheck // reading only
	return t.stamp(file, path)
}

func (t tree) stamp(file *os.File, path string) (stamp, error) {
	info, err := file.Stat()
	if err != nil {
		return stamp{}, t.failed(path, err)
	}
	return stamp{tree: t, path: path, modified: info.ModTime().UnixNano(), size: info.Size(), inode: inode(info)}, nil
}

// exists tells whether there is a path, as far as may be seen.
func (t tree) exists(path string) bool {
	_, err := t.stat(path)
	return err == nil || !errors.Is(err, fs.ErrNotExist)
}

// read gives a regular file of at most [maxFile].
func (t tree) read(path string) ([]byte, stamp, error) {
	file, err := t.open(path, true)
	if err != nil {
		return nil, stamp{}, t.failed(path, err)
	}
	defer file.Close() //nolint:errcheck // reading only
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, stamp{}, t.failed(path, errNotRegular)
	}
	s, err := t.stamp(file, path)
	if err != nil {
		return nil, stamp{}, err
	}
	text, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return nil, stamp{}, t.failed(path, err)
	}
	if len(text) > maxFile {
		return nil, stamp{}, t.failed(path, errTooLarge)
	}
	return text, s, nil
}

// readJSON reads a file of JSON into v.
func (t tree) readJSON(path string, v any) (stamp, error) {
	text, s, err := t.read(path)
	if err != nil {
		return stamp{}, err
	}
	if err := decode(text, v); err != nil {
		return stamp{}, t.failed(path, err)
	}
	return s, nil
}

// decode reads JSON leniently: fields of another type than expected are left
// out, as are those that are not known.
func decode(text []byte, v any) error {
	err := json.Unmarshal(text, v)
	var wrongType *json.UnmarshalTypeError
	if errors.As(err, &wrongType) && wrongType.Field != "" {
		return nil
	}
	return err
}

// names lists a directory, unsorted, at most [maxNames].
func (t tree) names(path string) []string { return t.firstNames(path, maxNames) }

func (t tree) firstNames(path string, limit int) []string {
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

// plain takes the path off an error, which is named with another root.
func plain(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}
