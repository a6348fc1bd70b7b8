package store

import (
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/devops-trouble-map/dotm/mapping"
	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/trouble/signal"
)

// Settings are what people may change while dotm runs.
type Settings struct {
	// Ageing is how long after its last socket closed a connection is old.
	Ageing topology.Duration `json:"ageing" yaml:"ageing"`
	// HideAfter is how long after they were last seen old connections and gone
	// services stay on the chart; 0 is for ever.
	HideAfter topology.Duration `json:"hide_after" yaml:"hide_after"`
	// ExpireAfter is how long after they were last seen old connections, gone
	// services and silent nodes are forgotten; 0 is never.
	ExpireAfter topology.Duration `json:"expire_after" yaml:"expire_after"`
	// StaleAfter is how long a node may be silent, at least three of its
	// intervals.
	StaleAfter topology.Duration `json:"stale_after" yaml:"stale_after"`
	// Retention is how long events and the states of nodes are kept; 0 is for
	// ever.
	Retention topology.Duration `json:"retention" yaml:"retention"`
	// RetentionBytes is how much room the history may take up; beyond that its
	// oldest part goes. 0 is no limit.
	RetentionBytes int64 `json:"retention_bytes" yaml:"retention_bytes"`
	// KeyFrames is how often a node's state is recorded whole, with its numbers,
	// if anything of it changed. Changes of structure are always recorded; 0 is
	// for those only.
	KeyFrames topology.Duration `json:"key_frames" yaml:"key_frames"`
	// LedgerRetention is how long after its last use it is known who used a
	// service; 0 is for ever.
	LedgerRetention topology.Duration `json:"ledger_retention" yaml:"ledger_retention"`
	// AuditRetention is how long it is known who changed what; 0 is for ever.
	AuditRetention topology.Duration `json:"audit_retention" yaml:"audit_retention"`
	// PollInterval is the time between two polls of a node that is asked.
	PollInterval topology.Duration `json:"poll_interval" yaml:"poll_interval"`
	// CheckExpiry is how long the result of a check is kept that is stale; 0 is for
	// ever.
	CheckExpiry topology.Duration `json:"check_expiry" yaml:"check_expiry"`
	// Signals say from when on something that the sockets show is trouble. A patch
	// changes the kinds that it names.
	Signals signal.Rules `json:"signals" yaml:"signals"`
	// Aliases are names of monitored hosts with the node that each is. Mapping are
	// rules that say which service a check is about, before dotm's own. In the
	// configuration file both stand beside the settings.
	Aliases map[string]string `json:"aliases" yaml:"-"`
	Mapping []mapping.Rule    `json:"mapping" yaml:"-"`
	// InternalNetworks are the site's own, beside the private ones, which
	// always are.
	InternalNetworks []netip.Prefix `json:"internal_networks" yaml:"internal_networks"`
	// OutsideNetworks are known ones outside, each a node of its own beside
	// the Internet.
	OutsideNetworks []NamedNetwork `json:"outside_networks" yaml:"outside_networks"`
	// VirtualAddresses move between nodes, or sit on several, and are nodes of
	// their own; others are found by themselves.
	VirtualAddresses []NamedAddress `json:"virtual_addresses" yaml:"virtual_addresses"`
	// Names are what addresses are called that don't report themselves.
	Names []NamedAddress `json:"names" yaml:"names"`
	// NamesBy says who else is asked for the names of such addresses.
	NamesBy NamesBy `json:"names_by" yaml:"names_by"`
	// InternetSplit divides the Internet by what the files of option geoip say.
	InternetSplit InternetSplit `json:"internet_split" yaml:"internet_split"`
	// IgnoredPorts and IgnoredNames are hidden on reading, never dropped.
	IgnoredPorts []uint16 `json:"ignored_ports" yaml:"ignored_ports"`
	IgnoredNames []string `json:"ignored_names" yaml:"ignored_names"`
}

// NamedAddress is an address with what it is called.
type NamedAddress struct {
	Address netip.Addr `json:"address" yaml:"address"`
	Name    string     `json:"name" yaml:"name"`
}

// NamedNetwork is one or more networks with what they are called.
type NamedNetwork struct {
	Name     string         `json:"name" yaml:"name"`
	Networks []netip.Prefix `json:"networks" yaml:"networks"`
}

// NamesBy says who is asked for the names of addresses.
type NamesBy string

// Who may be asked. The resolver is asked by the server alone; only with it
// does anything leave the machine.
const (
	NamesByNobody   NamesBy = "none"
	NamesByHosts    NamesBy = "hosts"    // hosts(5)
	NamesByResolver NamesBy = "resolver" // hosts(5), then DNS
)

// InternetSplit says by what the Internet is divided.
type InternetSplit string

// How the Internet may be divided.
const (
	SplitNone    InternetSplit = "none"
	SplitCountry InternetSplit = "country"
	SplitOwner   InternetSplit = "owner" // of the network: its autonomous system
)

// Defaults are the settings of a new installation.
func Defaults() Settings {
	return Settings{
		Ageing:           topology.Duration(5 * time.Minute),
		HideAfter:        topology.Duration(35 * 24 * time.Hour),
		StaleAfter:       topology.Duration(time.Minute),
		Retention:        topology.Duration(30 * 24 * time.Hour),
		RetentionBytes:   4 << 30,
		KeyFrames:        topology.Duration(24 * time.Hour),
		LedgerRetention:  topology.Duration(400 * 24 * time.Hour),
		AuditRetention:   topology.Duration(400 * 24 * time.Hour),
		PollInterval:     topology.Duration(time.Minute),
		CheckExpiry:      topology.Duration(24 * time.Hour),
		Signals:          signal.Defaults(),
		Aliases:          map[string]string{},
		Mapping:          []mapping.Rule{},
		InternalNetworks: []netip.Prefix{},
		OutsideNetworks:  []NamedNetwork{},
		VirtualAddresses: []NamedAddress{},
		Names:            []NamedAddress{},
		NamesBy:          NamesByHosts,
		InternetSplit:    SplitNone,
		IgnoredPorts:     []uint16{22, 25, 53, 111, 631, 953, 2049, 4848, 4949, 5666, 24007, 24009},
		IgnoredNames:     []string{"rpc.statd", "rpc.mountd"},
	}
}

// Monitored are the settings by which checks find what they are about.
func (s *Settings) Monitored() mapping.Settings {
	return mapping.Settings{Aliases: s.Aliases, Rules: s.Mapping}
}

// Clone copies the lists, so that the copy may be changed.
func (s Settings) Clone() Settings {
	s.InternalNetworks = slices.Clone(s.InternalNetworks)
	s.OutsideNetworks = slices.Clone(s.OutsideNetworks)
	for i := range s.OutsideNetworks {
		s.OutsideNetworks[i].Networks = slices.Clone(s.OutsideNetworks[i].Networks)
	}
	s.Signals = maps.Clone(s.Signals)
	s.Aliases = maps.Clone(s.Aliases)
	s.Mapping = slices.Clone(s.Mapping)
	s.VirtualAddresses = slices.Clone(s.VirtualAddresses)
	s.Names = slices.Clone(s.Names)
	s.IgnoredPorts = slices.Clone(s.IgnoredPorts)
	s.IgnoredNames = slices.Clone(s.IgnoredNames)
	return s
}
