package nagios

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/mapping"
	"github.com/devops-trouble-map/dotm/monitor"
	"github.com/devops-trouble-map/dotm/topology"
)

// created is when the captured status.dat was written.
var created = time.Unix(1795368773, 0)

// put writes files below a folder.
func put(t *testing.T, dir string, texts map[string]string) {
	t.Helper()
	for name, text := range texts {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// fileSource reads files below dir at a time after they were written.
func fileSource(t *testing.T, path string, after time.Duration) *Source {
	t.Helper()
	s, err := New(monitor.Options{URL: "file://" + path})
	if err != nil {
		t.Fatal(err)
	}
	s.from.(*files).now = func() time.Time { return created.Add(after) }
	return s
}

func TestCapturedFiles(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, map[string]string{"status.dat": sample(t, "status.dat"), "objects.cache": sample(t, "objects.cache")})
	r, err := read(t, fileSource(t, dir, 5*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	want := slices.Clone(captured)
	want[slices.Index(want, "cache1/load CRITICAL flapping")] = "cache1/load OK flapping"
	if got := lines(r); !slices.Equal(got, want) {
		t.Errorf("it shows\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if r.Program != "Nagios Core" || r.Version != "4.4.6" || r.Age != 5*time.Second || len(r.Notes) != 0 {
		t.Errorf("%s %s, %s old, notes %+v", r.Program, r.Version, r.Age, r.Notes)
	}
	if got := find(t, r, "cache1", "memory").Output; !strings.Contains(got, `Größe 91% "voll" <b>fett</b> \ C:\temp & a tab`) {
		t.Errorf("output %q", got)
	}
	web1 := hostOf(t, r, "web1")
	if web1.Alias != "web server" || web1.Notes != "http://wiki.example.test/web1" || !slices.Equal(web1.Groups, []string{"shop-hosts"}) || !slices.Equal(hostOf(t, r, "edge1").Parents, []string{"gw1"}) {
		t.Errorf("web1 %+v", web1)
	}
	if len(r.Dependencies) != 2 || !slices.Equal(find(t, r, "db1", "postgres").Groups, []string{"shop"}) {
		t.Errorf("dependencies %+v", r.Dependencies)
	}
	if c := find(t, r, "db1", "postgres"); c.Interval != topology.Duration(2*time.Second) || !slices.Equal(c.Hints, []mapping.Hint{{Port: 5432, From: "output"}}) {
		t.Errorf("postgres %+v", c)
	}
}

// Icinga 2's feature statusdata writes the same files with other habits: times with
// fractions, groups in their members, no state for what can't be reached.
func TestFilesOfIcinga2(t *testing.T) {
	dir := t.TempDir()
	before, edge1, _ := strings.Cut(sample(t, "icinga2-status.dat"), "hoststatus {\n\thost_name=edge1\n")
	edge1 = strings.Replace(edge1, "is_reachable=1", "is_reachable=0", 1) // as it is once gw1 is surely down
	put(t, dir, map[string]string{"status.dat": before + "hoststatus {\n\thost_name=edge1\n" + edge1, "objects.cache": sample(t, "icinga2-objects.cache")})
	s := fileSource(t, dir, 0)
	s.from.(*files).now = func() time.Time { return time.Unix(1795723600, 0) }
	r, err := read(t, s)
	if err != nil {
		t.Fatal(err)
	}
	want := slices.Clone(captured)
	for i, line := range want { // nobody had acknowledged anything yet
		for _, word := range []string{" acknowledged", " downtime", " flapping"} {
			line = strings.TrimSuffix(line, word)
		}
		want[i] = line
	}
	got := lines(r)
	for i := range got {
		got[i] = strings.TrimSuffix(got[i], " flapping")
		if strings.HasPrefix(got[i], "cache1/load") {
			got[i] = "cache1/load CRITICAL"
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("it shows\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	c := find(t, r, "db1", "postgres")
	if r.Program != "Icinga 2" || r.Version != "r2.13.6-1" || time.Duration(c.Interval).Round(time.Millisecond) != 2*time.Second || !slices.Equal(c.Groups, []string{"shop"}) {
		t.Errorf("%s %s: %+v", r.Program, r.Version, c)
	}
	if !slices.Equal(hostOf(t, r, "gw1").Groups, []string{"branch"}) || c.LastCheck.Unix() < 1795723590 || len(r.Dependencies) == 0 {
		t.Errorf("gw1 %+v, dependencies %+v", hostOf(t, r, "gw1"), r.Dependencies)
	}
}

func TestWhereTheFilesAre(t *testing.T) {
	status, objects := sample(t, "status.dat"), sample(t, "objects.cache")
	for _, tt := range []struct {
		name, url, status, objects string
		program                    string
	}{
		{"beside each other", "/lib/nagios4", "lib/nagios4/status.dat", "lib/nagios4/objects.cache", "Nagios Core"},
		{"the file", "/lib/nagios4/status.dat", "lib/nagios4/status.dat", "lib/nagios4/objects.cache", "Nagios Core"},
		{"another name", "/state", "state", "objects.cache", "Nagios Core"},
		{"one in lib, the other in cache", "/lib/icinga", "lib/icinga/status.dat", "cache/icinga/objects.cache", "Icinga"},
		{"and the other way round", "/cache/icinga2", "lib/icinga2/status.dat", "cache/icinga2/objects.cache", "Icinga 2"},
		{"built from source", "/nagios", "nagios/var/status.dat", "nagios/var/objects.cache", "Nagios Core"},
		{"told", "/ram/status.dat?objects=DIR/disk/o", "ram/status.dat", "disk/o", "Nagios Core"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			put(t, dir, map[string]string{tt.status: status, tt.objects: objects})
			r, err := read(t, fileSource(t, dir+strings.ReplaceAll(tt.url, "DIR", dir), 0))
			if err != nil || len(r.Checks) != 17 || len(r.Notes) != 0 || hostOf(t, r, "web1").Alias != "web server" {
				t.Fatalf("%+v, %v", r, err)
			}
			if !strings.Contains(dir, "icinga") && r.Program != tt.program {
				t.Errorf("program %q", r.Program)
			}
		})
	}
}

func TestFilesThatCantBeRead(t *testing.T) {
	dir := t.TempDir()
	whole := sample(t, "status.dat")
	put(t, dir, map[string]string{
		"old/status.dat": whole, "empty/status.dat": "", "other/status.dat": "hello\n", "half/status.dat": whole[:len(whole)/2], "none/x": "",
		"folder/status.dat/x": "",
	})
	for _, tt := range []struct {
		path   string
		after  time.Duration
		reason monitor.Reason
		words  string
	}{
		{"old", time.Minute + time.Second, monitor.OldData, "for 1m1s, since 2026-11-22 17:32:53 UTC"},
		{"none", 0, monitor.NotRunning, "Nagios is stopped: there is no"},
		{"nowhere/x", 0, monitor.NotThere, "there is no"},
		{"empty", 0, monitor.NotIt, "no status file"},
		{"other", 0, monitor.NotIt, "no status file"},
		{"half", 0, monitor.NotIt, "within a block"},
	} {
		_, err := read(t, fileSource(t, filepath.Join(dir, tt.path), tt.after))
		if monitor.ReasonOf(err) != tt.reason || !strings.Contains(err.Error(), tt.words) {
			t.Errorf("%s: %v", tt.path, err)
		}
	}
	if _, err := read(t, fileSource(t, filepath.Join(dir, "folder"), 0)); err == nil {
		t.Error("a folder is read")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := fileSource(t, filepath.Join(dir, "old"), 0).Read(ctx); err == nil {
		t.Error("it reads on after it was given up")
	}
}

// Without objects.cache the states are there, with a note; once it comes it is
// read, and again when it is replaced.
func TestObjectsComeLater(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, map[string]string{"status.dat": sample(t, "status.dat")})
	s := fileSource(t, dir, 0)
	r, err := read(t, s)
	if err != nil || len(r.Checks) != 17 || len(r.Notes) != 1 || r.Notes[0].Code != "no-objects" {
		t.Fatalf("%+v, %v", r, err)
	}
	if c := find(t, r, "db1", "postgres"); c.Interval != topology.Duration(2*time.Second) {
		t.Errorf("every %s", time.Duration(c.Interval))
	}
	for _, alias := range []string{"web server", "the web server"} {
		put(t, dir, map[string]string{"objects.cache": strings.Replace(sample(t, "objects.cache"), "alias\tweb server", "alias\t"+alias, 1)})
		if r, err = read(t, s); err != nil || len(r.Notes) != 0 || hostOf(t, r, "web1").Alias != alias {
			t.Errorf("%+v, %v", r.Notes, err)
		}
	}
	before := s.from.(*files).conf
	if _, err := read(t, s); err != nil || s.from.(*files).conf != before {
		t.Errorf("it is read again though it is the same: %v", err)
	}
}

func TestGroupsWithCommasInNames(t *testing.T) {
	c := &cacheReader{conf: newConfig()}
	for _, k := range []key{{"a", "x"}, {"a", "y, and z"}, {"b", "x"}} {
		c.conf.get(k)
	}
	got := c.members("a,x,a,y, and z,b,x,gone,s")
	if want := []key{{"a", "x"}, {"a", "y, and z"}, {"b", "x"}, {"gone", "s"}}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := c.members(""); len(got) != 0 {
		t.Errorf("of nothing: %v", got)
	}
}

func TestLongLinesAndManyFields(t *testing.T) {
	text := "servicestatus {\n\thost_name=h\n\tservice_description=s\n\tlong=" + strings.Repeat("x", 3*maxLine) + "\n\tcurrent_state=2\n" + strings.Repeat("\ta=b\n", 2*maxFields) + "\t}\n"
	seen := 0
	err := parseBlocks(t.Context(), strings.NewReader(text), "", func(kind string, f fields) error {
		seen++
		if kind != "servicestatus" || f.get("current_state") != "2" || len(f) != maxFields {
			t.Errorf("%s with %d fields", kind, len(f))
		}
		return nil
	})
	if err != nil || seen != 1 {
		t.Errorf("%d blocks, %v", seen, err)
	}
}

func FuzzFiles(f *testing.F) {
	f.Add(sample(f, "status.dat"), sample(f, "objects.cache"))
	f.Add("info {\ncreated=99999999999999999999\n}\nservicestatus {\nhost_name=\x00\nservice_description=a=b\ncurrent_state=9\n}\n", "define servicegroup {\n\tservicegroup_name\tg\n\tmembers\ta,b,c\n\t}\n")
	f.Fuzz(func(t *testing.T, status, objects string) {
		c := &cacheReader{conf: newConfig(), seen: map[monitor.Dependency]bool{}}
		if err := parseBlocks(t.Context(), strings.NewReader(objects), "define", c.block); err != nil {
			return
		}
		c.join()
		b := &builder{r: &monitor.Reading{}, conf: c.conf}
		s := statusReader{b: b}
		if parseBlocks(t.Context(), strings.NewReader(status), "", s.block) == nil {
			sound(t, b)
		}
	})
}
