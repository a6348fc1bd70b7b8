package scan

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"

	"github.com/devops-trouble-map/dotm/aggregate"
	"github.com/devops-trouble-map/dotm/proctext"
	"github.com/devops-trouble-map/dotm/report"
)

// readProcNet appends the sockets of one protocol from a /proc/PID/net. The files
// are opened anew each time: some kernels fail when one is rewound.
func (l *socketList) readProcNet(dir string, p report.Protocol) error {
	first := len(l.sockets)
	if err := l.readProcFile(filepath.Join(dir, string(p)), p); err != nil {
		return err
	}
	err := l.readProcFile(filepath.Join(dir, string(p)+"6"), p)
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // a kernel without IPv6 has no such file
		return err
	}
	l.guessV6Only(first)
	return nil
}

func (l *socketList) readProcFile(name string, p report.Protocol) error {
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
		l.addProc(row, p)
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("reading %s: %w", name, err)
	}
	return nil
}

func (l *socketList) addProc(row proctext.Socket, p report.Protocol) {
	if row.State > 31 || statesOf(p)&(1<<row.State) == 0 {
		return
	}
	l.add(aggregate.Socket{
		Protocol: p,
		State:    aggregate.State(row.State),
		Local:    row.Local,
		Remote:   row.Remote,
		Cookie:   row.Inode, // tells sockets apart as well
	}, hold{inode: uint32(row.Inode), uid: row.UID})
}

// guessV6Only marks listeners on :: that leave IPv4 alone. /proc doesn't tell,
// but two sockets can share a port on :: and 0.0.0.0 only if the first is for
// IPv6 alone, SO_REUSEPORT aside. One that is alone on its port is taken for
// dual-stack, as nearly all are.
func (l *socketList) guessV6Only(first int) {
	v4 := map[uint16]bool{}
	for _, s := range l.sockets[first:] {
		if s.Local.Addr() == netip.IPv4Unspecified() && s.Remote.Port() == 0 {
			v4[s.Local.Port()] = true
		}
	}
	for i := first; i < len(l.sockets); i++ {
		s := &l.sockets[i]
		if s.Local.Addr() == netip.IPv6Unspecified() && s.Remote.Port() == 0 {
			s.V6Only = v4[s.Local.Port()]
		}
	}
}
