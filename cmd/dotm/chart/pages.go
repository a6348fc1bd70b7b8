package chart

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/devops-trouble-map/dotm/export"
)

// pagesDone is what writing a documentation did.
type pagesDone struct {
	Folder  string `json:"folder"`
	Pages   int    `json:"pages"`
	Written int    `json:"written"`
	Removed int    `json:"removed"`
}

// writePages brings a folder up to date: pages that are as they should be are not
// touched, and those that dotm wrote of what is gone are removed. Nothing else is ever
// overwritten or removed.
func writePages(dir string, pages []export.Page) (*pagesDone, error) {
	done := &pagesDone{Folder: dir, Pages: len(pages)}
	wanted := map[string]bool{}
	folders := map[string]bool{"groups": true, "nodes": true, "services": true}
	for i := range pages {
		wanted[pages[i].Name] = true
		name := filepath.Join(dir, filepath.FromSlash(pages[i].Name))
		if ours, there := writtenByUs(name); there && !ours {
			return nil, fmt.Errorf("%s is there and not written by dotm: name another folder", name)
		}
	}
	for i := range pages {
		name := filepath.Join(dir, filepath.FromSlash(pages[i].Name))
		if is, err := os.ReadFile(name); err == nil && bytes.Equal(is, pages[i].Body) {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil { //nolint:gosec // for everyone who reads the repository
			return nil, err
		}
		if _, err := replaceFile(name, bytes.NewReader(pages[i].Body)); err != nil {
			return nil, err
		}
		done.Written++
	}
	for folder := range folders {
		n, err := removeGone(dir, folder, wanted)
		if err != nil {
			return nil, err
		}
		done.Removed += n
	}
	return done, nil
}

// removeGone removes the pages of a folder that dotm wrote and that are no longer there.
func removeGone(dir, folder string, wanted map[string]bool) (n int, err error) {
	entries, err := os.ReadDir(filepath.Join(dir, folder))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	for _, e := range entries {
		name := filepath.Join(dir, folder, e.Name())
		if wanted[folder+"/"+e.Name()] || !e.Type().IsRegular() || !strings.HasSuffix(e.Name(), ".md") {
			continue
		}
		if ours, _ := writtenByUs(name); !ours {
			continue
		}
		if err := os.Remove(name); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// writtenByUs says whether a file is there, and a page that dotm wrote.
func writtenByUs(name string) (ours, there bool) {
	f, err := os.Open(name)
	if err != nil {
		return false, !errors.Is(err, fs.ErrNotExist)
	}
	defer f.Close() //nolint:errcheck // it was only read
	begin := make([]byte, len(export.PageMark))
	_, err = io.ReadFull(f, begin)
	return err == nil && string(begin) == export.PageMark, true
}

func sortedOnce(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return slices.Compact(list)
}
