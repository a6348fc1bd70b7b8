package hostfs

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"
)

func TestTreeReads(t *testing.T) {
	h := newHost(t)
	h.write("/a/full", strings.Repeat("x", MaxFile))
	h.write("/a/more", strings.Repeat("x", MaxFile+1))
	host := Tree{Root: h.root}
	if text, from, err := host.Read("/a/full"); err != nil || len(text) != MaxFile || from.Size != MaxFile || !from.Current() {
		t.Errorf("as much as may be: %d bytes, %+v, %v", len(text), from, err)
	}
	for path, want := range map[string]error{
		"/a/more": ErrTooLarge, "/a": ErrNotRegular, "/a/none": fs.ErrNotExist, "/none/full": fs.ErrNotExist,
	} {
		if text, from, err := host.Read(path); !errors.Is(err, want) || len(text) > 0 || from != (Stamp{}) {
			t.Errorf("%s: %d bytes, %+v, %v, want %v", path, len(text), from, err, want)
		} else if !strings.HasPrefix(err.Error(), path+": ") || strings.Contains(err.Error(), h.root) {
			t.Errorf("%s: the error must name the path on its host: %v", path, err)
		}
	}
	if _, err := host.Stat("/a/full"); err != nil {
		t.Error(err)
	}
	if _, err := host.Stat("/none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("none: %v", err)
	}
	if !host.Exists("/a") || host.Exists("/b") {
		t.Error("what exists and what doesn't is mixed up")
	}
}

func TestTreeWithoutRoot(t *testing.T) {
	nowhere := Tree{Root: t.TempDir() + "/none"}
	if _, _, err := nowhere.Read("/x"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if _, _, err := nowhere.Within("/home").Read("/x"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a home: got %v", err)
	}
	if names := nowhere.Names("/"); names != nil {
		t.Errorf("got %q", names)
	}
}

func TestTreeNames(t *testing.T) {
	h := newHost(t)
	h.write("/d/a", "")
	h.write("/d/b/c", "")
	host := Tree{Root: h.root}
	names := host.Names("/d")
	slices.Sort(names)
	if !slices.Equal(names, []string{"a", "b"}) {
		t.Errorf("got %q", names)
	}
	if names := host.Names("/d/a"); names != nil {
		t.Errorf("a file: got %q", names)
	}
	h.write("/empty/x", "")
	h.remove("/empty/x")
	if names := host.Names("/empty"); len(names) != 0 {
		t.Errorf("nothing: got %q", names)
	}
}

// A directory with more names than are read gives as many as that.
func TestTreeNamesAreBounded(t *testing.T) {
	h := newHost(t)
	for _, name := range []string{"a", "b", "c", "d"} {
		h.write("/d/"+name, "")
	}
	if names := (Tree{Root: h.root}).firstNames("/d", 3); len(names) != 3 {
		t.Errorf("got %q", names)
	}
}

func TestStampTellsFilesApart(t *testing.T) {
	h := newHost(t)
	host := Tree{Root: h.root}
	h.write("/x", "one")
	before, err := host.Stat("/x")
	if err != nil {
		t.Fatal(err)
	}
	h.write("/x", "two")
	if before.Current() {
		t.Error("a new file is taken for the old one")
	}
	h.remove("/x")
	if before.Current() {
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
	err := Decode([]byte(`{"X":{"A":7,"B":"b"},"M":{"p":"q","r":{}},"L":[{"A":[],"B":"c"},"x",{"B":"d"}],"new":[1]}`), &v)
	if err != nil || v.X.B != "b" || v.M["p"] != "q" || v.L[0].B != "c" || v.L[2].B != "d" {
		t.Errorf("got %+v, %v", v, err)
	}
	for _, text := range []string{"", "{", `{"X":`, "[]", "7", `"x"`, strings.Repeat("[", 20_000), "{} {}"} {
		if err := Decode([]byte(text), &v); err == nil {
			t.Errorf("%.10q is taken", text)
		}
	}
}
