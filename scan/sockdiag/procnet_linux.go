package sockdiag

import (
	"bufio"
	"errors"
	"fmt"
	"hash/maphash"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"

	"github.com/devops-trouble-map/dotm/aggregate/fold"
	"github.com/devops-trouble-map/dotm/proctext"
	"github.com/devops-trouble-map/dotm/report"
)

// AppendProcNet is for where the kernel refuses sock_diag: it appends the sockets
// of one protocol and these states, a set of bits 1<<state, from a /proc/PID/net
// (proc_net(5)), which tells nothing of their health. With an error the list is
// unchanged. The files are opened anew each time: some kernels fail when one is
// rewound.
func AppendProcNet(list []fold.Socket, dir string, p report.Protocol, states uint32) ([]fold.Socket, error) {
	t := text{list: list}
	if err := t.file(filepath.Join(dir, string(p)), p, states); err != nil {
		return list, err
	}
	err := t.file(filepath.Join(dir, string(p)+"6"), p, states)
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // a kernel without IPv6 has no such file
		return list, err
	}
	t.guessV6Only(len(list))
	return t.list, nil
}

// text reads sockets from files.
type text struct{ list []fold.Socket }

func (t *text) file(name string, p report.Protocol, states uint32) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // reading only
	lines := bufio.NewScanner(f)
	lines.Scan() // the heading
	for lines.Scan() {
		row, err := proctext.ParseSocket(lines.Bytes())
		if err != nil {
			return fmt.Errorf("reading %s: %w", name, err)
		}
		t.add(row, p, states)
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("reading %s: %w", name, err)
	}
	return nil
}

func (t *text) add(row proctext.Socket, p report.Protocol, states uint32) {
	if row.State > 31 || states&(1<<row.State) == 0 {
		return
	}
	so := fold.Socket{
		Protocol: p,
		State:    fold.State(row.State),
		Local:    netip.AddrPortFrom(row.Local.Addr().Unmap(), row.Local.Port()),
		Cookie:   row.Inode, // tells sockets apart as well
		Inode:    uint32(row.Inode),
		UID:      row.UID,
	}
	if remote := row.Remote.Addr().Unmap(); !remote.IsUnspecified() {
		so.Remote = netip.AddrPortFrom(remote, row.Remote.Port())
		if p == report.TCP { // the inode is lost when the socket ends, its ends are not
			so.Cookie = maphash.Comparable(cookieSeed, [2]netip.AddrPort{so.Local, so.Remote})
		}
	}
	t.list = append(t.list, so)
}

// cookieSeed makes cookies of ends.
var cookieSeed = maphash.MakeSeed()

// guessV6Only marks listeners on :: that leave IPv4 alone. /proc doesn't tell,
// but two sockets can share a port on :: and 0.0.0.0 only if the first is for
// IPv6 alone, SO_REUSEPORT aside. One that is alone on its port is taken for
// dual-stack, as nearly all are.
func (t *text) guessV6Only(first int) {
	v4 := map[uint16]bool{}
	for _, s := range t.list[first:] {
		if s.Local.Addr() == netip.IPv4Unspecified() && s.Remote.Port() == 0 {
			v4[s.Local.Port()] = true
		}
	}
	for i := first; i < len(t.list); i++ {
		s := &t.list[i]
		if s.Local.Addr() == netip.IPv6Unspecified() && s.Remote.Port() == 0 {
			s.V6Only = v4[s.Local.Port()]
		}
	}
}
