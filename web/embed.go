// Package web holds the built web UI.
package web

import (
	"embed"
	"io/fs"
)

// dist is filled by the UI's build; without it, it holds nothing but a
// placeholder.
//
//go:embed all:dist
var dist embed.FS

// Files is the built UI, or nil if it was not built.
func Files() fs.FS {
	files, err := fs.Sub(dist, "dist")
	if err != nil {
		return nil
	}
	if _, err := fs.Stat(files, "index.html"); err != nil {
		return nil
	}
	return files
}
