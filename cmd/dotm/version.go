package main

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/devops-trouble-map/dotm/api"
	"github.com/devops-trouble-map/dotm/cmd/dotm/console"
)

// version and revision (of the source) are set when releases are linked.
var (
	version  = "0.1.0-dev"
	revision string
)

type versionCmd struct{}

// Run prints what this is.
func (versionCmd) Run(g *console.Globals) error {
	info := struct {
		Version  string `json:"version"`
		Revision string `json:"revision"`
		Go       string `json:"go"`
		Platform string `json:"platform"`
	}{version, sourceRevision(), runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH}
	if g.JSON {
		return console.WriteJSON(g.Out, info)
	}
	_, err := fmt.Fprintf(g.Out, "dotm %s (%s, %s, %s)\n", info.Version, info.Revision, info.Go, info.Platform)
	return err
}

// versionInfo is what the API says of this process.
func versionInfo(s *site) api.Version {
	return api.Version{
		Version: version, Go: runtime.Version(), Revision: sourceRevision(), Started: s.server.Started().UTC(),
		Listen: s.listener.Addr().String(), Loopback: s.loopback, Insecure: s.insecure, Data: cmp.Or(s.shows, api.Live),
	}
}

// sourceRevision is the commit that the binary was built from.
func sourceRevision() string {
	if revision != "" {
		return revision
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	rev, dirty := "unknown", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			rev = s.Value[:min(12, len(s.Value))]
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = "+changes"
		}
	}
	return rev + dirty
}
