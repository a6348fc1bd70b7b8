// Package limit bounds what agents, viewers and strangers take of a server:
// connections, requests in a time, seats at a stream and for what takes much memory. It decides and counts; who
// is refused is told by those who serve.
package limit

import (
	"cmp"
	"fmt"
	"net/netip"
	"time"
)

// Settings are the bounds of a server. 0 is no bound.
type Settings struct {
	// Connections is how many may be open at a time, PerAddress how many from one
	// address (an IPv6 /64).
	Connections int `yaml:"connections" json:"connections"`
	PerAddress  int `yaml:"connections_per_address" json:"connections_per_address"`
	// Requests is how many an address may make in a second, Reports how many an
	// agent that enrolled. Five times as many may come at once.
	Requests int `yaml:"requests_per_second" json:"requests_per_second"`
	Reports  int `yaml:"reports_per_second" json:"reports_per_second"`
	// Streams is how many viewers may follow the live stream, PerViewer how many
	// lines one of them may have: a user, a token, or an address where nobody logs
	// in.
	Streams   int `yaml:"streams" json:"streams"`
	PerViewer int `yaml:"streams_per_viewer" json:"streams_per_viewer"`
	// Heavy is how many reads may be answered at a time that take a whole chart in
	// memory each (of the past, files, lists), HeavyEach how many of one viewer.
	Heavy     int `yaml:"heavy_reads" json:"heavy_reads"`
	HeavyEach int `yaml:"heavy_reads_per_viewer" json:"heavy_reads_per_viewer"`
}

// Defaults are the settings where nobody set any: for 10,000 agents that come
// directly, with room for people.
func Defaults() Settings {
	return Settings{
		Connections: 16_384, PerAddress: 1024, Requests: 200, Reports: 20, Streams: 2000, PerViewer: 200,
		Heavy: 8, HeavyEach: 4,
	}
}

// Patch changes some of the settings; what is nil stays.
type Patch struct {
	Connections *int `yaml:"connections,omitempty" json:"connections,omitempty"`
	PerAddress  *int `yaml:"connections_per_address,omitempty" json:"connections_per_address,omitempty"`
	Requests    *int `yaml:"requests_per_second,omitempty" json:"requests_per_second,omitempty"`
	Reports     *int `yaml:"reports_per_second,omitempty" json:"reports_per_second,omitempty"`
	Streams     *int `yaml:"streams,omitempty" json:"streams,omitempty"`
	PerViewer   *int `yaml:"streams_per_viewer,omitempty" json:"streams_per_viewer,omitempty"`
	Heavy       *int `yaml:"heavy_reads,omitempty" json:"heavy_reads,omitempty"`
	HeavyEach   *int `yaml:"heavy_reads_per_viewer,omitempty" json:"heavy_reads_per_viewer,omitempty"`
}

// Apply is s, changed.
func (p *Patch) Apply(s Settings) Settings {
	for _, f := range []struct {
		to   *int
		from *int
	}{
		{&s.Connections, p.Connections},
		{&s.PerAddress, p.PerAddress},
		{&s.Requests, p.Requests},
		{&s.Reports, p.Reports},
		{&s.Streams, p.Streams},
		{&s.PerViewer, p.PerViewer},
		{&s.Heavy, p.Heavy},
		{&s.HeavyEach, p.HeavyEach},
	} {
		if f.from != nil {
			*f.to = *f.from
		}
	}
	return s
}

// maxSetting bounds each of them.
const maxSetting = 1_000_000

// minConnections leaves room for a few agents and a browser.
const minConnections = 32

// Validate says which setting is wrong, with its rule and value.
func (s *Settings) Validate() error {
	for _, f := range []struct {
		name     string
		n, least int
	}{
		{"connections", s.Connections, minConnections},
		{"connections_per_address", s.PerAddress, 8},
		{"requests_per_second", s.Requests, 1},
		{"reports_per_second", s.Reports, 1},
		{"streams", s.Streams, 1},
		{"streams_per_viewer", s.PerViewer, 1},
		{"heavy_reads", s.Heavy, 1},
		{"heavy_reads_per_viewer", s.HeavyEach, 1},
	} {
		if f.n != 0 && (f.n < f.least || f.n > maxSetting) {
			return fmt.Errorf("%s must be %d to %d, or 0 for no limit, is %d", f.name, f.least, maxSetting, f.n)
		}
	}
	return nil
}

// burst is how many seconds' worth may come at once.
const burst = 5

// Limits are the settings in force, and what they count. A nil one bounds
// nothing.
type Limits struct {
	Settings
	Addresses *Rates[netip.Addr]
	Agents    *Rates[string]
	Viewers   *Seats[string]
	Readers   *Seats[string]
	Conns     *Connections
}

// New makes limits; now is a clock with a monotonic reading.
func New(s Settings, now func() time.Time) *Limits {
	return &Limits{
		Settings:  s,
		Addresses: NewRates[netip.Addr](s.Requests, burst*s.Requests, now),
		Agents:    NewRates[string](s.Reports, burst*s.Reports, now),
		Viewers:   NewSeats[string](s.Streams, s.PerViewer),
		Readers:   NewSeats[string](s.Heavy, s.HeavyEach),
		Conns:     NewConnections(s.Connections, s.PerAddress),
	}
}

// siteBits is how much of an IPv6 address says whose it is: everybody has at
// least a /64 (RFC 6177).
const siteBits = 64

// Of is the address that is counted: an IPv6 /64 is one.
func Of(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	if !a.Is6() {
		return a
	}
	p, err := a.Prefix(siteBits)
	if err != nil {
		return a
	}
	return p.Addr()
}

// Seconds is a wait as Retry-After has it (RFC 9110, 10.2.3): whole seconds, at
// least one.
func Seconds(wait time.Duration) int {
	return int(max((wait+time.Second-1)/time.Second, 1))
}

// orMost is n, or the most there can be where n is no bound.
func orMost(n int) int { return cmp.Or(n, int(^uint(0)>>1)) }
