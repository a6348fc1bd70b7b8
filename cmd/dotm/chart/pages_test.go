package chart

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/devops-trouble-map/dotm/export"
)

// TestWritePages: a folder is brought up to date; what is right is not touched, what is
// gone is removed, what others wrote stays.
func TestWritePages(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "site")
	page := func(name, text string) export.Page {
		return export.Page{Name: name, Body: []byte(export.PageMark + "\n" + text)}
	}
	put := func(want pagesDone, pages ...export.Page) {
		t.Helper()
		want.Folder, want.Pages = dir, len(pages)
		got, err := writePages(dir, pages)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(&want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	put(pagesDone{Written: 3}, page("README.md", "a"), page("nodes/a.md", "a"), page("nodes/b.md", "b"))
	mine := filepath.Join(dir, "nodes", "notes.md")
	if err := os.WriteFile(mine, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	put(pagesDone{}, page("README.md", "a"), page("nodes/a.md", "a"), page("nodes/b.md", "b"))
	put(pagesDone{Written: 1, Removed: 1}, page("README.md", "b"), page("nodes/a.md", "a"))
	if raw, err := os.ReadFile(mine); err != nil || string(raw) != "mine" {
		t.Errorf("%s: %v", raw, err)
	}
	if _, err := writePages(dir, []export.Page{page("nodes/notes.md", "x"), page("nodes/c.md", "x")}); err == nil || !strings.Contains(err.Error(), "not written by dotm") {
		t.Errorf("what somebody wrote is overwritten: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "nodes", "c.md")); err == nil {
		t.Error("half of it was written")
	}
}

// TestOfOneSource: whose checks are meant must be clear.
func TestOfOneSource(t *testing.T) {
	a, b := export.Monitored{Source: "a"}, export.Monitored{Source: "b"}
	for _, c := range []struct {
		list         []export.Monitored
		source, want string
	}{
		{[]export.Monitored{a, a}, "", ""},
		{[]export.Monitored{b, a}, "", "choose one of them with --source: a, b"},
		{nil, "x", `no check is known of a monitoring system "x"`},
		{nil, "", "no monitoring system tells of any check"},
	} {
		_, err := ofOneSource(c.list, c.source)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%v: %v, want %q", c.list, err, c.want)
		}
	}
}
