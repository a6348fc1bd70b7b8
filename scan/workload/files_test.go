package workload

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"
)

func TestTreeReads(t *testing.T) {
	h := newHost(t)
	h.write("/a/full", strings.Repeat("x", maxFile))
	h.write("/a/more", strings.Repeat("x", maxFile+1))
	host := tree{root: h.root}
	if text, from, err := host.read("/a/full"); err != nil || len(text) != maxFile || from.size != maxFile || !from.current() {
		t.Errorf("as much as may be: %d bytes, %+v, %v", len(text), from, err)
	}
	for path, want := range map[string]error{
		"/a/more": errTooLarge, "/a": errNotRegular, "/a/none": fs.ErrNotExist, "/none/full": fs.ErrNotExist,
	} {
		if text, from, err := host.read(path); !errors.Is(err, want) || len(text) > 0 || from != (stamp{}) {
			t.Errorf("%s: %d bytes, %+v, %v, want %v", path, len(text), from, err, want)
		} else if !strings.HasPrefix(err.Error(), path+": ") || strings.Contains(err.Error(), h.root) {
			t.Errorf("%s: the error must name the path on its host: %v", path, err)
		}
	}
	if _, err := host.stat("/a/full"); err != nil {
		t.Error(err)
	}
	if _, err := host.stat("/none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("none: %v", err)
	}
	if !host.exists("/a") || host.exists("/b") {
		t.Error("what exists and what doesn't is mixed up")
	}
}

func TestTreeWithoutRoot(t *testing.T) {
	nowhere := tree{root: t.TempDir() + "/none"}
	if _, _, err := nowhere.read("/x"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if _, _, err := nowhere.within("/home").read("/x"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a home: got %v", err)
	}
	if names := nowhere.names("/"); names != nil {
		t.Errorf("got %q", names)
	}
}

func TestTreeNames(t *testing.T) {
	h := newHost(t)
	h.write("/d/a", "")
	h.write("/d/b/c", "")
	host := tree{root: h.root}
	names := host.names("/d")
	slices.Sort(names)
	if !slices.Equal(names, []string{"a", "b"}) {
		t.Errorf("got %q", names)
	}
	if names := host.names("/d/a"); names != nil {
		t.Errorf("a file: got %q", names)
	}
	h.write("/empty/x", "")
	h.remove("/empty/x")
	if names := host.names("/empty"); len(names) != 0 {
		t.Errorf("nothing: got %q", names)
	}
}

// A directory with more names than are read gives as many as that.
func TestTreeNamesAreBounded(t *testing.T) {
	h := newHost(t)
	for _, name := range []string{"a", "b", "c", "d"} {
		h.write("/d/"+name, "")
	}
	if names := (tree{root: h.root}).firstNames("/d", 3); len(names) != 3 {
		t.Errorf("got %q", names)
	}
}

func TestStampTellsFilesApart(t *testing.T) {
	h := newHost(t)
	host := tree{root: h.root}
	h.write("/x", "one")
	before, err := host.stat("/x")
	if err != nil {
		t.Fatal(err)
	}
	h.write("/x", "two")
	if before.current() {
		t.Error("a new file is taken for the old one")
	}
	h.remove("/x")
	if before.current() {
		t.Error("no file is taken for the old one")
	}
}

func TestDecodeIsLenient(t *testing.T) {
	type inner struct{ A, B string }
	var v struct {
		X inner
		M map[string]string
		L []inner
	}
	err := decode([]byte(`{"X":{"A":7,"B":"b"},"M":{"p":"q","r":{}},"L":[{"A":[],"B":"c"},"x",{"B":"d"}],"new":[1]}`), &v)
	if err != nil || v.X.B != "b" || v.M["p"] != "q" || v.L[0].B != "c" || v.L[2].B != "d" {
		t.Errorf("got %+v, %v", v, err)
	}
	for _, text := range []string{"", "{", `{"X":`, "[]", "7", `"x"`, strings.Repeat("[", 20_000), "{} {}"} {
		if err := decode([]byte(text), &v); err == nil {
			t.Errorf("%.10q is taken", text)
		}
	}
}
