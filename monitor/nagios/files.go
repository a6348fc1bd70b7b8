package nagios

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/mapping"
	"github.com/devops-trouble-map/dotm/monitor"
	"github.com/devops-trouble-map/dotm/topology"
)

// files reads status.dat and objects.cache on this host. Nagios replaces both by
// renaming, so an open one is whole.
type files struct {
	folder   string // of status.dat, or it itself
	objects  string // objects.cache; empty if it is to be found
	commands string // the command pipe; likewise
	pages    string // the folder of extinfo.cgi; empty if it isn't known
	old      time.Duration
	now      func() time.Time

	conf    *config
	confFor string        // which objects.cache it was read of
	texts   monitor.Texts // of the last reading
}

func newFiles(opt monitor.Options, u *url.URL) (*files, error) {
	p, err := monitor.PageFolder(opt.Link)
	if err != nil {
		return nil, err
	}
	f := &files{folder: filepath.Clean(u.Path), pages: p, old: oldAfter, now: time.Now}
	for name, to := range map[string]*string{"objects": &f.objects, "commands": &f.commands} {
		if *to = u.Query().Get(name); *to != "" && !filepath.IsAbs(*to) {
			return nil, &monitor.OptionError{Field: "url", Rule: name + " in it must be an absolute path", Value: *to}
		}
	}
	if u.Path == "" || u.Host != "" {
		return nil, &monitor.OptionError{Field: "url", Rule: "must name an absolute path: file:///path", Value: opt.URL}
	}
	return f, nil
}

// status is the path of status.dat.
func (f *files) status() string {
	if info, err := os.Stat(f.folder); err == nil && !info.IsDir() {
		return f.folder
	}
	if filepath.Ext(f.folder) == ".dat" {
		return f.folder
	}
	return first(near(f.folder), "status.dat", filepath.Join(f.folder, "status.dat"))
}

// near are the folders where the files of one Nagios are: beside each other, or one
// in /var/lib and the other in /var/cache.
func near(folder string) []string {
	list := []string{folder, filepath.Join(folder, "var")}
	for _, pair := range [][2]string{{"/lib/", "/cache/"}, {"/cache/", "/lib/"}, {"/spool/", "/cache/"}} {
		if other := strings.Replace(folder, pair[0], pair[1], 1); other != folder {
			list = append(list, other)
		}
	}
	return list
}

// first is the first of some folders' files that is there.
func first(folders []string, name, otherwise string) string {
	for _, folder := range folders {
		path := filepath.Join(folder, name)
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	return otherwise
}

// read reads status.dat, and objects.cache if that was replaced.
func (f *files) read(ctx context.Context, b *builder) error {
	path := f.status()
	file, err := open(path)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	if err := f.configure(ctx, b, filepath.Dir(path)); err != nil {
		return err
	}
	b.configured(f.conf)
	b.texts = &f.texts
	b.texts.Turn()
	s := statusReader{b: b}
	if err := parseBlocks(ctx, file, "", s.block); err != nil {
		return err
	}
	if b.r.At.IsZero() {
		return &monitor.Error{Reason: monitor.NotIt, Text: path + " is no status file of Nagios", Hint: "check url"}
	}
	b.r.Program = programOf(b.r.Version, path)
	if b.r.Age = max(0, f.now().Sub(b.r.At)); b.r.Age > f.old {
		return tooOld(b.r.Age, b.r.At)
	}
	return nil
}

// open opens a status file. Where the folder is there and the file is not, Nagios
// has ended: it removes the file.
func open(path string) (*os.File, error) {
	file, err := os.Open(path)
	switch {
	case err == nil:
		return file, nil
	case errors.Is(err, fs.ErrPermission):
		return nil, &monitor.Error{Reason: monitor.NoRight, Text: path + " may not be read", Hint: "let the server's user read it: add it to the group of Nagios"}
	case !errors.Is(err, fs.ErrNotExist):
		return nil, &monitor.Error{Reason: monitor.NotThere, Text: path + " can't be read", Hint: "check url", Err: err}
	}
	if _, err := os.Stat(filepath.Dir(path)); err == nil {
		return nil, notRunning("Nagios is stopped: there is no " + path)
	}
	return nil, &monitor.Error{Reason: monitor.NotThere, Text: "there is no " + filepath.Dir(path), Hint: "check url: it must name the folder of status.dat on the host of the server"}
}

// programOf names what wrote the files.
func programOf(version, path string) string {
	switch {
	case strings.HasPrefix(version, "r") || strings.HasPrefix(version, "v") || strings.Contains(path, "icinga2"):
		return "Icinga 2"
	case strings.Contains(path, "icinga"):
		return "Icinga"
	case strings.Contains(path, "naemon"):
		return "Naemon"
	}
	return "Nagios Core"
}

// configure reads objects.cache, if that is another than before. Without it the
// states are good.
func (f *files) configure(ctx context.Context, b *builder, folder string) error {
	path := f.objects
	if path == "" {
		path = first(near(folder), "objects.cache", filepath.Join(folder, "objects.cache"))
	}
	info, err := os.Stat(path)
	if err == nil {
		id := fmt.Sprintf("%s %d %d", path, info.ModTime().UnixNano(), info.Size())
		if f.conf != nil && f.confFor == id {
			return nil
		}
		var conf *config
		if conf, err = f.cache(ctx, path); err == nil {
			f.conf, f.confFor = conf, id
			return nil
		}
		if reason := monitor.ReasonOf(err); reason == monitor.TooLarge || ctx.Err() != nil {
			return err
		}
	}
	f.conf, f.confFor = newConfig(), ""
	b.r.Say("no-objects", "objects.cache can't be read: addresses, parents and groups are not known: "+monitor.Clean(err.Error(), 300), "say where it is: file:///…/status.dat?objects=/…/objects.cache")
	return nil
}

// maxLine is the most bytes of a line; a longer one is cut.
const maxLine = 64 << 10

// fields are the lines of a block, in their order.
type fields []field

type field struct {
	name  string
	value []byte
}

// find is the value of a key, good as long as the fields are.
func (f fields) find(name string) []byte {
	for i := range f {
		if f[i].name == name {
			return f[i].value
		}
	}
	return nil
}

// get is the value of a key; empty if there is none.
func (f fields) get(name string) string { return string(f.find(name)) }

// digits is a whole number of at most 12 digits, whatever comes behind a point; -1
// for anything else.
func (f fields) digits(name string) (n int64) {
	v := f.find(name)
	if i := bytes.IndexByte(v, '.'); i > 0 {
		v = v[:i]
	}
	if len(v) == 0 || len(v) > 12 {
		return -1
	}
	for _, d := range v {
		if d < '0' || d > '9' {
			return -1
		}
		n = n*10 + int64(d-'0')
	}
	return n
}

func (f fields) time(name string) time.Time {
	n := f.digits(name)
	if n <= 0 {
		return time.Time{}
	}
	return time.Unix(n, 0).UTC()
}

func (f fields) is(name string) bool { return f.digits(name) > 0 }

func (f fields) number(name string) float64 {
	n, err := strconv.ParseFloat(f.get(name), 64)
	if err != nil || n < 0 || n > 1e9 {
		return 0
	}
	return n
}

// maxFields is the most lines of a block; more are left out.
const maxFields = 500

// parseBlocks reads blocks "kind {" to "}" of lines "key=value" or, where word
// is "define", "define kind {" of lines "key<tab>value". The fields are good until
// each returns.
func parseBlocks(ctx context.Context, r io.Reader, word string, each func(kind string, f fields) error) error {
	in := bufio.NewReaderSize(r, maxLine)
	b := &block{sep: '=', names: map[string]string{}}
	if word != "" {
		b.sep = '\t'
	}
	kind := ""
	for n := 0; ; n++ {
		line, err := in.ReadSlice('\n')
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = in.ReadSlice('\n')
		}
		if err != nil && len(line) == 0 {
			break
		}
		line = bytes.TrimLeft(bytes.TrimRight(line, "\r\n"), " \t")
		switch {
		case n%4096 == 0 && ctx.Err() != nil:
			return &monitor.Error{Reason: monitor.TooSlow, Text: "reading the files took too long", Hint: "make interval longer", Err: ctx.Err()}
		case len(line) == 0 || line[0] == '#':
		case kind == "":
			kind = opening(line, word)
			b.fields, b.values = b.fields[:0], b.values[:0]
		case len(line) == 1 && line[0] == '}':
			if err := each(kind, b.fields); err != nil {
				return err
			}
			kind = ""
		default:
			b.add(line)
		}
	}
	if kind != "" {
		return &monitor.Error{Reason: monitor.NotIt, Text: "the file ends within a block", Hint: "is the disk full?"}
	}
	return nil
}

// block is the block that is being read.
type block struct {
	sep    byte
	fields fields
	values []byte            // of all fields
	names  map[string]string // of fields, since all blocks have the same
}

// add takes a line.
func (b *block) add(line []byte) {
	if len(b.fields) == maxFields {
		return
	}
	i := bytes.IndexByte(line, b.sep)
	if i < 0 {
		i = len(line)
	}
	name, ok := b.names[string(line[:i])]
	if !ok {
		name = string(line[:i])
		if len(b.names) < 2*maxFields {
			b.names[name] = name
		}
	}
	start := len(b.values)
	b.values = append(b.values, line[min(i+1, len(line)):]...)
	b.fields = append(b.fields, field{name, b.values[start:]})
}

// opening is the kind of the block that a line opens; empty if it opens none.
func opening(line []byte, word string) string {
	s, ok := strings.CutSuffix(string(line), "{")
	if !ok {
		return ""
	}
	if s, ok = strings.CutPrefix(s, word); !ok {
		return ""
	}
	return strings.TrimSpace(s)
}

// statusReader takes the blocks of status.dat.
type statusReader struct{ b *builder }

func (s *statusReader) block(kind string, f fields) error {
	switch kind {
	case "info":
		s.b.r.At, s.b.r.Version = f.time("created"), clean(f.get("version"))
	case "programstatus":
		s.program(f)
	case "hoststatus":
		return s.check(key{host: s.text(f, "host_name")}, f, hostStates, f.time("last_time_up"))
	case "servicestatus":
		return s.check(key{s.text(f, "host_name"), s.text(f, "service_description")}, f, serviceStates, f.time("last_time_ok"))
	}
	return nil
}

// text is the value of a key that is often what it was.
func (s *statusReader) text(f fields, name string) string { return s.b.texts.Of(f.find(name)) }

func (s *statusReader) program(f fields) {
	services, hosts := f.get("active_service_checks_enabled") != "0", f.get("active_host_checks_enabled") != "0"
	s.b.started = f.time("program_start")
	(&program{ServiceChecks: &services, HostChecks: &hosts}).say(s.b.r)
}

// The statuses of current_state.
var (
	hostStates    = []topology.Status{topology.Up, topology.Down, topology.Unreachable}
	serviceStates = []topology.Status{topology.OK, topology.Warning, topology.Critical, topology.Unknown}
)

func (s *statusReader) check(k key, f fields, states []topology.Status, lastOK time.Time) error {
	if k.host == "" || (k.name == "" && len(states) == len(serviceStates)) {
		return nil
	}
	status := topology.Unknown
	if n := f.digits("current_state"); n >= 0 && n < int64(len(states)) {
		status = states[n]
	}
	if reach := f.find("is_reachable"); status == topology.Down && string(reach) == "0" {
		status = topology.Unreachable // Icinga 2 has no such state
	}
	if o := s.b.conf.get(key{clean(k.host), clean(k.name)}); o.link == "" && o.interval == 0 {
		o.interval = f.number("check_interval") // without objects.cache
	}
	return s.b.add(&state{
		key: k, status: status, checked: f.is("has_been_checked"), hard: f.get("state_type") != "0",
		ack: f.is("problem_has_been_acknowledged"), flapping: f.is("is_flapping"), downtime: f.is("scheduled_downtime_depth"),
		active: f.is("active_checks_enabled") && f.is("should_be_scheduled"), output: s.text(f, "plugin_output"),
		since: f.time("last_state_change"), sinceHard: f.time("last_hard_state_change"),
		lastCheck: f.time("last_check"), nextCheck: f.time("next_check"), lastOK: lastOK,
	})
}

// cache reads objects.cache.
func (f *files) cache(ctx context.Context, path string) (*config, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	c := &cacheReader{conf: newConfig(), pages: f.pages, seen: map[monitor.Dependency]bool{}}
	if err := parseBlocks(ctx, file, "define", c.block); err != nil {
		return nil, err
	}
	c.join()
	return c.conf, nil
}

// cacheReader takes the blocks of objects.cache.
type cacheReader struct {
	conf   *config
	pages  string
	seen   map[monitor.Dependency]bool
	groups [][2]string // names and members: these come before the objects
	pairs  [][2]string // the same of service groups
	n      int
}

func (c *cacheReader) block(kind string, f fields) error {
	switch kind {
	case "host":
		c.host(f)
	case "service":
		c.service(f)
	case "hostgroup":
		c.groups = append(c.groups, [2]string{f.get("hostgroup_name"), f.get("members")})
	case "servicegroup":
		c.pairs = append(c.pairs, [2]string{f.get("servicegroup_name"), f.get("members")})
	case "hostdependency", "servicedependency":
		c.conf.depend(key{f.get("dependent_host_name"), f.get("dependent_service_description")}, key{f.get("host_name"), f.get("service_description")}, c.seen)
	default:
		return nil
	}
	c.n++
	return room(c.n)
}

// basics are the fields that hosts and services have alike.
func (f fields) basics(o *object) {
	o.interval = f.number("check_interval")
	if f.is("check_freshness") {
		o.fresh = time.Duration(f.number("freshness_threshold")) * time.Second
	}
}

// custom are the custom variables, whose names begin with an underscore.
func (f fields) custom() map[string]string {
	m := map[string]string{}
	for i := range f {
		if name, ok := strings.CutPrefix(f[i].name, "_"); ok {
			m[strings.ToUpper(name)] = string(f[i].value)
		}
	}
	return m
}

// list is a value with commas in it.
func list(s string) (out []string) {
	for one := range strings.SplitSeq(s, ",") {
		if one = strings.TrimSpace(one); one != "" {
			out = append(out, one)
		}
	}
	return out
}

func (c *cacheReader) host(f fields) {
	name := f.get("host_name")
	if name == "" {
		return
	}
	o := c.conf.setHost(&host{
		name: name, alias: f.get("alias"), display: f.get("display_name"), address: f.get("address"),
		notesURL: f.get("notes_url"), parents: list(f.get("parents")), custom: f.custom(),
	})
	if a6 := f.get("address6"); a6 != "" { // Icinga 1 has it
		o.host.Addresses = append(o.host.Addresses, monitor.Clean(a6, 253))
	}
	o.link = monitor.PageLink(c.pages, name, "")
	f.basics(o)
	for _, g := range list(f.get("host_groups")) { // Icinga 2 has the groups' members empty
		c.conf.join(key{host: clean(name)}, g)
	}
}

func (c *cacheReader) service(f fields) {
	k := key{f.get("host_name"), f.get("service_description")}
	if k.host == "" || k.name == "" {
		return
	}
	o := c.conf.get(key{clean(k.host), clean(k.name)})
	o.hints = append([]mapping.Hint(nil), monitor.CommandHints(f.get("check_command"))...)
	o.hints = append(o.hints, customHints(f.custom())...)
	o.link = monitor.PageLink(c.pages, k.host, k.name)
	f.basics(o)
	for _, g := range list(f.get("service_groups")) {
		c.conf.join(key{clean(k.host), clean(k.name)}, g)
	}
	for _, p := range c.members(f.get("parents")) {
		c.conf.depend(k, p, c.seen)
	}
}

// join puts the objects into their groups.
func (c *cacheReader) join() {
	for _, g := range c.groups {
		for _, m := range list(g[1]) {
			c.conf.join(key{host: clean(m)}, g[0])
		}
	}
	for _, g := range c.pairs {
		for _, k := range c.members(g[1]) {
			c.conf.join(k, g[0])
		}
	}
}

// members are pairs "host,description,host,description". A description may have a
// comma itself: then the shortest that there is is meant.
func (c *cacheReader) members(s string) (out []key) {
	words := strings.Split(s, ",")
	for i := 0; i+1 < len(words); {
		k, n := key{clean(words[i]), clean(words[i+1])}, 2
		for j := i + 2; j < len(words) && j < i+8 && c.conf.objects[k] == nil; j++ {
			if longer := (key{k.host, clean(strings.Join(words[i+1:j+1], ","))}); c.conf.objects[longer] != nil {
				k, n = longer, j+1-i
			}
		}
		out = append(out, k)
		i += n
	}
	return out
}
