package report

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Limits of one report. An agent that would pass one summarises and says so;
// the server refuses what passes it.
const (
	MaxBytes      = 8 << 20 // unpacked JSON
	MaxRows       = 200_000 // listeners and connections together
	MaxName       = 255     // bytes of any name
	MaxText       = 1024    // bytes of a note
	MaxNotes      = 64
	MaxShortages  = 32
	MaxInterfaces = 4096
	MaxAddresses  = 16_384 // of all interfaces and namespaces together
	MaxNamespaces = 4096
	MaxContainers = 16_384
	MaxForwards   = 20_000
	MaxSources    = 20_000
	MaxFuture     = 10 * time.Minute // how far a node's clock may be ahead
	MaxInterval   = 24 * time.Hour
	MaxCount      = 1<<31 - 1 // sockets in one row
	// MaxNetworks bounds the lists of a policy.
	MaxNetworks = 4096
)

// FieldError is a rule that a report breaks: which field, which rule, and the
// value found there.
type FieldError struct {
	Field string // JSON path, as "connections[3].peer"
	Rule  string // what must hold, as "must be an IP address"
	Value string // what was found, cut to a readable length
	Hint  string // what to do about it, if there is something
}

// Error gives the field, the rule, the value and the hint in one line.
func (e *FieldError) Error() string {
	s := fmt.Sprintf("%s %s, is %s", e.Field, e.Rule, e.Value)
	if e.Hint != "" {
		s += " (" + e.Hint + ")"
	}
	return s
}

// ErrVersion is wrapped by the error for a report of another major version.
var ErrVersion = errors.New("unsupported report version")

func broken(field, rule string, value any) *FieldError {
	return &FieldError{Field: field, Rule: rule, Value: show(value)}
}

// show prints a value for an error: quoted, and never longer than a line.
func show(v any) string {
	s, ok := v.(string)
	if !ok {
		s = fmt.Sprint(v)
		if len(s) <= 80 {
			return s
		}
	}
	if len(s) > 80 {
		s = strings.ToValidUTF8(s[:77], "") + "…"
	}
	return strconv.Quote(s)
}

// Validate checks every rule of the format against a report that arrived at
// now. The first broken rule comes back as a [*FieldError].
func (r *Report) Validate(now time.Time) error {
	for _, check := range []func() error{
		r.validateVersion,
		r.validateNode,
		func() error { return r.validateTime(now) },
		r.validateSizes,
		r.validateInterfaces,
		r.validateNamespaces,
		r.validateContainers,
		r.validateForwards,
		r.validateSources,
		r.validateListeners,
		r.validateConnections,
		r.validateNotes,
		func() error { return validateShortages(r.Shortages) },
	} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (r *Report) validateVersion() error {
	major, _, ok := strings.Cut(r.Version, ".")
	if !ok || major == "" {
		return broken("version", "must be major.minor", r.Version)
	}
	if ours, _, _ := strings.Cut(Version, "."); major != ours {
		return fmt.Errorf("%w: %w", ErrVersion, &FieldError{
			Field: "version", Rule: "must have the major version " + ours, Value: show(r.Version),
			Hint: "update the older side: the server reads version " + ours + ".x",
		})
	}
	return nil
}

func (r *Report) validateNode() error {
	if err := HostName(r.Node.Name); err != nil {
		return broken("node.name", err.Error(), r.Node.Name)
	}
	switch r.Node.Identity.Kind {
	case IdentityEnrolled, IdentityMachine, IdentityHostname:
	default:
		return broken("node.identity.kind", "must be enrolled, machine-id or hostname", r.Node.Identity.Kind)
	}
	if r.Node.Identity.Value == "" {
		return broken("node.identity.value", "must not be empty", "")
	}
	if r.Zone != "" && plainName(r.Zone) != nil {
		return broken("zone", plainName(r.Zone).Error(), r.Zone)
	}
	if r.Agent.Instance != "" && plainName(r.Agent.Instance) != nil {
		return broken("agent.instance", plainName(r.Agent.Instance).Error(), r.Agent.Instance)
	}
	return checkFields([]text{
		{"node.identity.value", r.Node.Identity.Value},
		{"agent.version", r.Agent.Version},
		{"agent.method", r.Agent.Method},
		{"agent.policy", r.Agent.Policy},
	}, MaxName)
}

func (r *Report) validateTime(now time.Time) error {
	if r.Time.IsZero() {
		return broken("time", "must be set", r.Time)
	}
	if ahead := r.Time.Sub(now); ahead > MaxFuture {
		return &FieldError{
			Field: "time", Rule: fmt.Sprintf("must be at most %s ahead of the server's clock", MaxFuture),
			Value: fmt.Sprintf("%s, %s ahead", r.Time.UTC().Format(time.RFC3339), ahead.Round(time.Second)),
			Hint:  "set the clock of node " + r.Node.Name + ", for example with NTP",
		}
	}
	if r.Counted > r.Sequence {
		return broken("counted", "must be at most the sequence "+strconv.FormatUint(r.Sequence, 10), r.Counted)
	}
	if err := r.Leaving.validate(); err != nil {
		return err
	}
	return checkDurations(r.IntervalMS, r.LagMS, r.SpanMS)
}

// validate checks the form alone: newer agents may have other reasons.
func (l Leaving) validate() error {
	if l == "" {
		return nil
	}
	if err := plainName(string(l)); err != nil {
		return broken("leaving", err.Error(), string(l))
	}
	return nil
}

// checkDurations checks the milliseconds of a report or a beat. Only the span
// may be longer than a day: hosts sleep.
func checkDurations(interval, lag, span int64) error {
	day := MaxInterval.Milliseconds()
	switch {
	case interval < 0 || interval > day:
		return broken("interval_ms", fmt.Sprintf("must be 0 to %d", day), interval)
	case lag < 0 || lag > day:
		return broken("lag_ms", fmt.Sprintf("must be 0 to %d", day), lag)
	case span < 0:
		return broken("span_ms", "must not be negative", span)
	}
	return nil
}

func (r *Report) validateSizes() error {
	if n := len(r.Listeners) + len(r.Connections); n > MaxRows {
		return broken("listeners and connections", fmt.Sprintf("must be at most %d rows", MaxRows), n)
	}
	for _, s := range []struct {
		field  string
		n, max int
	}{
		{"interfaces", len(r.Interfaces), MaxInterfaces},
		{"namespaces", len(r.Namespaces), MaxNamespaces},
		{"containers", len(r.Containers), MaxContainers},
		{"forwards", len(r.Forwards), MaxForwards},
		{"sources", len(r.Sources), MaxSources},
		{"notes", len(r.Notes), MaxNotes},
	} {
		if s.n > s.max {
			return broken(s.field, fmt.Sprintf("must have at most %d entries", s.max), s.n)
		}
	}
	return nil
}

func (r *Report) validateInterfaces() error {
	total := 0
	for i, in := range r.Interfaces {
		if err := checkName(fmt.Sprintf("interfaces[%d].name", i), in.Name); err != nil {
			return err
		}
		for j, p := range in.Addresses {
			if !p.IsValid() {
				return broken(fmt.Sprintf("interfaces[%d].addresses[%d]", i, j), "must be an address with prefix length", p)
			}
		}
		total += len(in.Addresses)
	}
	for _, ns := range r.Namespaces {
		total += len(ns.Addresses)
	}
	if total > MaxAddresses {
		return broken("interfaces and namespaces", fmt.Sprintf("must have at most %d addresses", MaxAddresses), total)
	}
	return nil
}

// validateNamespaces checks that every namespace makes a node of its own:
// host/container is its name, so it must be told from the others by it.
func (r *Report) validateNamespaces() error {
	seen := make(map[string]bool, len(r.Namespaces))
	for i, ns := range r.Namespaces {
		field := fmt.Sprintf("namespaces[%d].container", i)
		if err := plainName(ns.Container); err != nil {
			return broken(field, err.Error(), ns.Container)
		}
		if seen[ns.Container] {
			return broken(field, "must differ from every other namespace's", ns.Container)
		}
		seen[ns.Container] = true
		for j, a := range ns.Addresses {
			if !a.IsValid() {
				return broken(fmt.Sprintf("namespaces[%d].addresses[%d]", i, j), "must be an IP address", a)
			}
		}
	}
	return nil
}

func (r *Report) validateContainers() error {
	for i, c := range r.Containers {
		at := func(f string) string { return fmt.Sprintf("containers[%d].%s", i, f) }
		if c.Name == "" {
			return broken(at("name"), "must not be empty", c.Name)
		}
		err := checkFields([]text{
			{at("name"), c.Name},
			{at("id"), c.ID},
			{at("runtime"), c.Runtime},
			{at("pod"), c.Pod},
			{at("pod_namespace"), c.PodNamespace},
		}, MaxName)
		if err == nil {
			err = checkText(at("image"), c.Image, MaxText)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *Report) validateForwards() error {
	for i, f := range r.Forwards {
		at := func(name string) string { return fmt.Sprintf("forwards[%d].%s", i, name) }
		if err := checkProtocol(at, f.Protocol); err != nil {
			return err
		}
		if !isOnePort(f.From) {
			return broken(at("from"), "must be an address and a port", f.From)
		}
		if !isOnePort(f.To) {
			return broken(at("to"), "must be an address and a port", f.To)
		}
		if f.Count < 0 || f.Count > MaxCount {
			return broken(at("count"), fmt.Sprintf("must be 0 to %d", int64(MaxCount)), f.Count)
		}
	}
	return nil
}

func (r *Report) validateSources() error {
	for i, s := range r.Sources {
		at := func(name string) string { return fmt.Sprintf("sources[%d].%s", i, name) }
		if err := checkProtocol(at, s.Protocol); err != nil {
			return err
		}
		if !s.Client.IsValid() || s.Client.IsUnspecified() {
			return broken(at("client"), "must be the address of one peer", s.Client)
		}
		if !s.As.IsValid() || s.As.IsUnspecified() {
			return broken(at("as"), "must be one of the node's addresses", s.As)
		}
		if !isOnePort(s.Server) {
			return broken(at("server"), "must be an address and a port", s.Server)
		}
		if s.Count < 0 || s.Count > MaxCount {
			return broken(at("count"), fmt.Sprintf("must be 0 to %d", int64(MaxCount)), s.Count)
		}
	}
	return nil
}

// isOnePort tells whether a is one port of one address.
func isOnePort(a netip.AddrPort) bool {
	return a.IsValid() && !a.Addr().IsUnspecified() && a.Port() != 0
}

func (r *Report) validateListeners() error {
	for i := range r.Listeners {
		l := &r.Listeners[i]
		at := func(f string) string { return fmt.Sprintf("listeners[%d].%s", i, f) }
		if err := r.validateRow(at, l.Namespace, l.Protocol, l.Port); err != nil {
			return err
		}
		if err := r.validateOwner(at, l.Process, l.User, l.Unit, l.Container); err != nil {
			return err
		}
		if !l.Address.IsValid() {
			return broken(at("address"), "must be an IP address", l.Address)
		}
	}
	return nil
}

func (r *Report) validateConnections() error {
	for i := range r.Connections {
		c := &r.Connections[i]
		at := func(f string) string { return fmt.Sprintf("connections[%d].%s", i, f) }
		if err := r.validateRow(at, c.Namespace, c.Protocol, c.Port); err != nil {
			return err
		}
		if err := r.validateOwner(at, c.Process, c.User, c.Unit, c.Container); err != nil {
			return err
		}
		if !c.Peer.IsValid() || c.Peer.IsUnspecified() {
			return broken(at("peer"), "must be the address of one peer", c.Peer)
		}
		if c.Count < 0 || c.Count > MaxCount {
			return broken(at("count"), fmt.Sprintf("must be 0 to %d", int64(MaxCount)), c.Count)
		}
		if err := c.validateNetwork(at); err != nil {
			return err
		}
		if err := c.validateDirection(at); err != nil {
			return err
		}
		if err := c.validateTuples(at); err != nil {
			return err
		}
		if err := c.Health.validate(at); err != nil {
			return err
		}
	}
	return nil
}

// validateNetwork checks what a row of folded peers says of them.
func (c *Connection) validateNetwork(at func(string) string) error {
	switch n := c.PeerNetwork; {
	case c.Peers < 0 || c.Peers > MaxCount:
		return broken(at("peers"), fmt.Sprintf("must be 0 to %d", int64(MaxCount)), c.Peers)
	case n == netip.Prefix{}:
	case !n.IsValid() || n != n.Masked():
		return broken(at("peer_network"), "must be a network like 203.0.113.0/24", n)
	case !n.Contains(c.Peer):
		return broken(at("peer_network"), "must contain peer "+c.Peer.String(), n)
	}
	return nil
}

func (c *Connection) validateDirection(at func(string) string) error {
	switch c.Direction {
	case In:
		if !c.Local.IsValid() {
			return broken(at("local"), "must be the listener's address when direction is in", c.Local)
		}
	case Unknown:
		if c.LocalPort == 0 {
			return broken(at("local_port"), "must be 1 to 65535 when direction is unknown", c.LocalPort)
		}
	case Out:
		if c.Via != (netip.AddrPort{}) && !isOnePort(c.Via) {
			return broken(at("via"), "must be an address and a port", c.Via)
		}
	default:
		return broken(at("direction"), "must be in, out or unknown", string(c.Direction))
	}
	return nil
}

func (c *Connection) validateTuples(at func(string) string) error {
	if c.Called.IsValid() && c.Direction != In {
		return broken(at("called"), "must be set only when direction is in", c.Called)
	}
	if len(c.Tuples) > MaxTuples {
		return broken(at("tuples"), fmt.Sprintf("must have at most %d entries", MaxTuples), len(c.Tuples))
	}
	for i, t := range c.Tuples {
		if t == 0 || t > maxTuple || i > 0 && t <= c.Tuples[i-1] {
			return broken(at(fmt.Sprintf("tuples[%d]", i)), fmt.Sprintf("must be 1 to %d, ascending", int64(maxTuple)), t)
		}
	}
	return nil
}

func (h *Health) validate(at func(string) string) error {
	if h == nil {
		return nil
	}
	for _, n := range []struct {
		field string
		value int
	}{
		{"measured", h.Measured}, {"connecting", h.Connecting}, {"close_wait", h.CloseWait},
	} {
		if n.value < 0 || n.value > MaxCount {
			return broken(at("health."+n.field), fmt.Sprintf("must be 0 to %d", int64(MaxCount)), n.value)
		}
	}
	if h.ConnectingMS < 0 {
		return broken(at("health.connecting_ms"), "must not be negative", h.ConnectingMS)
	}
	if h.CloseWaitMS < 0 {
		return broken(at("health.close_wait_ms"), "must not be negative", h.CloseWaitMS)
	}
	return nil
}

func (r *Report) validateRow(at func(string) string, ns int, proto Protocol, port uint16) error {
	if ns < 0 || ns > len(r.Namespaces) {
		return broken(at("namespace"), fmt.Sprintf("must be 0 to %d, the number of namespaces", len(r.Namespaces)), ns)
	}
	if err := checkProtocol(at, proto); err != nil {
		return err
	}
	if port == 0 {
		return broken(at("port"), "must be 1 to 65535", port)
	}
	return nil
}

func (r *Report) validateOwner(at func(string) string, process, user, unit string, container int) error {
	if container < 0 || container > len(r.Containers) {
		return broken(at("container"), fmt.Sprintf("must be 0 to %d, the number of containers", len(r.Containers)), container)
	}
	if !fineName(process) || !fineName(user) || !fineName(unit) {
		return checkFields([]text{{at("process"), process}, {at("user"), user}, {at("unit"), unit}}, MaxName)
	}
	return nil
}

// fineName tells of nearly all names that they break no rule, without the field's: to
// word that would cost more than to look.
func fineName(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' {
			return false
		}
	}
	return len(s) <= MaxName
}

func checkProtocol(at func(string) string, p Protocol) error {
	if p != TCP && p != UDP {
		return broken(at("protocol"), "must be tcp or udp", string(p))
	}
	return nil
}

func validateShortages(list []Shortage) error {
	if len(list) > MaxShortages {
		return broken("shortages", fmt.Sprintf("must have at most %d entries", MaxShortages), len(list))
	}
	for i := range list {
		s, at := &list[i], fmt.Sprintf("shortages[%d].", i)
		switch {
		case s.Kind != Ports && s.Kind != Descriptors:
			return broken(at+"kind", "must be ports or descriptors", s.Kind)
		case s.Kind == Ports && !s.Server.IsValid():
			return broken(at+"server", "must be an address with a port", s.Server.String())
		case s.Max == 0:
			return broken(at+"max", "must be 1 or more", s.Max)
		case s.PID < 0:
			return broken(at+"pid", "must not be negative", s.PID)
		}
		if err := checkText(at+"process", s.Process, MaxName); err != nil {
			return err
		}
	}
	return nil
}

func (r *Report) validateNotes() error {
	for i, n := range r.Notes {
		at := func(f string) string { return fmt.Sprintf("notes[%d].%s", i, f) }
		if err := checkFields([]text{{at("code"), n.Code}, {at("text"), n.Text}, {at("hint"), n.Hint}}, MaxText); err != nil {
			return err
		}
	}
	return nil
}

// text is a field that holds one.
type text struct{ field, value string }

func checkFields(texts []text, limit int) error {
	for _, t := range texts {
		if err := checkText(t.field, t.value, limit); err != nil {
			return err
		}
	}
	return nil
}

func checkName(field, s string) error { return checkText(field, s, MaxName) }

func checkText(field, s string, limit int) error {
	switch {
	case len(s) > limit:
		return broken(field, fmt.Sprintf("must be at most %d bytes", limit), fmt.Sprintf("%d bytes", len(s)))
	case !utf8.ValidString(s):
		return broken(field, "must be UTF-8", s)
	case strings.ContainsFunc(s, unicode.IsControl):
		return broken(field, "must hold no control characters", s)
	}
	return nil
}

// HostName says what is wrong with s as the name of a node, or nil: letters,
// digits, '.', '_' and '-' (RFC 1123 and what real hosts use), beginning with
// a letter, a digit or '_', at most [MaxName] bytes, and no IP address.
func HostName(s string) error {
	if err := plainName(s); err != nil {
		return err
	}
	if _, err := netip.ParseAddr(s); err == nil {
		return errors.New("must be a name, not an IP address")
	}
	if strings.EqualFold(s, "Internet") {
		return errors.New("must not be the reserved name Internet")
	}
	return nil
}

// plainName says what is wrong with s as a part of names and ids that stand in
// URLs: a host, a container, a zone.
func plainName(s string) error {
	switch {
	case s == "":
		return errors.New("must not be empty")
	case len(s) > MaxName:
		return fmt.Errorf("must be at most %d bytes", MaxName)
	case s[0] == '.' || s[0] == '-' || strings.ContainsFunc(s, notInHostName):
		return errors.New("must be letters, digits, '.', '_' and '-', beginning with a letter, a digit or '_'")
	}
	return nil
}

func notInHostName(r rune) bool {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
		return false
	}
	return r != '.' && r != '_' && r != '-'
}

// CleanName makes any bytes that the kernel holds as a name fit for a report:
// control characters and invalid UTF-8 become \xNN, as ps(1) shows them, and
// what is longer than [MaxName] is cut at a rune's border.
func CleanName(s string) string {
	if checkName("", s) == nil {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		piece := s[i : i+n]
		if unicode.IsControl(r) || r == utf8.RuneError && n == 1 {
			piece = hexEscape(piece)
		}
		if b.Len()+len(piece) > MaxName {
			break
		}
		b.WriteString(piece)
		i += n
	}
	return b.String()
}

func hexEscape(s string) string {
	var b strings.Builder
	for i := range len(s) {
		fmt.Fprintf(&b, `\x%02x`, s[i])
	}
	return b.String()
}
