package resolve

import (
	"context"
	"maps"
	"net/netip"
	"sync"
	"time"
)

// The rhythm of a [Directory].
const (
	lookEvery = time.Second // at addresses that somebody wants named
	readEvery = time.Minute // hosts(5) anew
	maxWanted = 10_000      // addresses that wait to be asked for
)

// Directory gives names at once, from what it has read and asked before, and
// looks for the others behind the asker's back. It is safe for concurrent use.
type Directory struct {
	// HostsFile is the file like hosts(5); empty: there is none.
	HostsFile string
	// AskDNS says, each time anew, whether DNS may be asked; nil: never.
	AskDNS func() bool
	// Changed is told, from Run's goroutine, when names were found or lost; nil:
	// nobody is.
	Changed func()
	// DNS is what is asked; nil asks the servers of resolv.conf(5).
	DNS *DNS

	mu     sync.RWMutex
	hosts  map[netip.Addr]string
	found  map[netip.Addr]string // by DNS; "" says that there is none
	wanted map[netip.Addr]bool
}

// Name gives the name of an address as far as it is known now. It never blocks
// on anything outside; a name that is found later is told by Changed.
func (d *Directory) Name(a netip.Addr) string {
	a = a.Unmap()
	if !Nameable(a) {
		return ""
	}
	d.mu.RLock()
	name, host := d.hosts[a], d.found[a]
	waits := d.wanted[a] || len(d.wanted) >= maxWanted
	d.mu.RUnlock()
	if name != "" {
		return name
	}
	if d.mayAsk() {
		if !waits {
			d.want(a)
		}
		return host
	}
	return ""
}

func (d *Directory) mayAsk() bool { return d.AskDNS != nil && d.AskDNS() }

// want notes an address whose name somebody asked for. Those that have one are
// noted too: names get old.
func (d *Directory) want(a netip.Addr) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.wanted == nil {
		d.wanted = map[netip.Addr]bool{}
	}
	if len(d.wanted) < maxWanted {
		d.wanted[a] = true
	}
}

// Hosts are the addresses and names of the hosts file.
func (d *Directory) Hosts() map[netip.Addr]string {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return maps.Clone(d.hosts)
}

// Run reads and asks until ctx ends. It must be called once.
func (d *Directory) Run(ctx context.Context) error {
	names := Names{DNS: d.DNS}
	if names.DNS == nil {
		names.DNS = NewDNS(nil)
	}
	look, reread := time.NewTicker(lookEvery), time.NewTicker(readEvery)
	defer look.Stop()
	defer reread.Stop()
	d.read(&names)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-reread.C:
			d.read(&names)
		case <-look.C:
			d.look(ctx, &names)
		}
	}
}

// read takes the hosts file in. One that can't be read leaves the names as they
// were.
func (d *Directory) read(names *Names) {
	if d.HostsFile == "" || names.ReadHosts(d.HostsFile) != nil {
		return
	}
	d.mu.Lock()
	changed := !maps.Equal(d.hosts, names.hosts)
	d.hosts = maps.Clone(names.hosts)
	d.mu.Unlock()
	d.tell(changed)
}

// look asks DNS for what is wanted; answers that still stand are not asked for
// again.
func (d *Directory) look(ctx context.Context, names *Names) {
	d.mu.Lock()
	list := make([]netip.Addr, 0, len(d.wanted))
	for a := range d.wanted {
		list = append(list, a)
	}
	d.wanted = nil
	d.mu.Unlock()
	if len(list) == 0 || !d.mayAsk() {
		return
	}
	names.Ask(ctx, list)
	d.mu.Lock()
	changed := false
	found := make(map[netip.Addr]string, len(names.DNS.answers))
	for a, answer := range names.DNS.answers {
		found[a] = answer.name
		changed = changed || d.found[a] != answer.name
	}
	d.found = found
	d.mu.Unlock()
	d.tell(changed)
}

func (d *Directory) tell(changed bool) {
	if changed && d.Changed != nil {
		d.Changed()
	}
}
