package scan

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"sync"

	"github.com/devops-trouble-map/dotm/aggregate/fold"
	"github.com/devops-trouble-map/dotm/proctext"
	"github.com/devops-trouble-map/dotm/proctext/listing"
	"github.com/devops-trouble-map/dotm/proctext/printout"
	"github.com/devops-trouble-map/dotm/scan/owners"
	"github.com/devops-trouble-map/dotm/scan/procfs"
)

// errNotAsked is why a Lister has no list of descriptors by the kernel.
var errNotAsked = errors.New("the kernel was not asked")

// Lister tells what netstat and ip address would print on this host, without
// running them: the TCP sockets of the network namespace that it runs in, one
// by one, with their processes, and the addresses. It remembers between looks
// whose socket is whose. Its methods may be called from several goroutines.
type Lister struct {
	proc string

	mu     sync.Mutex
	fs     *procfs.FS
	owners *owners.Owners
	lines  []listed
}

// listed is what a row of netstat shows beside the socket.
type listed struct {
	six           bool
	send, receive uint32
	remote        netip.AddrPort
}

// NewLister returns a Lister. Without the rights of root it sees the processes
// of its own user only. Of the options, Proc and Now count.
func NewLister(o Options) (*Lister, error) {
	if o.Proc == "" {
		o.Proc = "/proc"
	}
	o.OwnPIDs = func(int) bool { return false }
	r, err := procfs.ReadRights(o.Proc)
	if err != nil {
		return nil, fmt.Errorf("reading own rights: %w", err)
	}
	fs, err := procfs.Open(o.Proc)
	if err != nil {
		return nil, err
	}
	return &Lister{proc: o.Proc, fs: fs, owners: owners.New(owners.Options{
		FS: fs, Rights: r, Users: procfs.NewUsers(procfs.Passwd), Own: o.OwnPIDs,
		Place: func(int) (string, int) { return "", 0 }, NoDescriptors: errNotAsked,
	})}, nil
}

// Close releases what the Lister holds.
func (l *Lister) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.fs.Close()
}

// Text takes a look and gives it in the form of the original agent: a line
// "hostname=NAME", what netstat -antlp prints, an empty line, and what ip
// address prints. Process names are the kernel's; netstat shows the beginning
// of the command line in their place, where secrets may be.
func (l *Lister) Text(ctx context.Context) ([]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	runtime.LockOSThread() // in whose network namespace is looked
	defer runtime.UnlockOSThread()
	node, err := readNode()
	if err != nil {
		return nil, err
	}
	rows, err := l.rows(ctx)
	if err != nil {
		return nil, err
	}
	links, err := readLinks()
	if err != nil {
		return nil, err
	}
	text := append([]byte("hostname="+node.Name+"\n"), printout.AppendNetstat(nil, rows)...)
	return printout.AppendAddresses(append(text, '\n'), links), nil
}

// rows lists the sockets. Where one turned out to have no owner it looks again,
// as a scan does.
func (l *Lister) rows(ctx context.Context) ([]printout.Row, error) {
	for second := false; ; second = true {
		list, err := l.read()
		if err != nil {
			return nil, fmt.Errorf("reading sockets: %w", err)
		}
		list, doubtful, err := l.owners.Resolve(ctx, list)
		if err != nil {
			return nil, fmt.Errorf("finding the processes of sockets: %w", err)
		}
		if !doubtful || second {
			return l.print(list), nil
		}
	}
}

// read reads /proc/net/tcp and tcp6. A socket's cookie is the place of what
// else there is to print of it.
func (l *Lister) read() (list []fold.Socket, err error) {
	l.lines = l.lines[:0]
	for _, name := range []string{"tcp", "tcp6"} {
		list, err = l.readFile(list, filepath.Join(l.proc, "thread-self/net", name), name == "tcp6")
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	return list, nil
}

func (l *Lister) readFile(list []fold.Socket, name string, six bool) ([]fold.Socket, error) {
	f, err := os.Open(name)
	if err != nil {
		return list, err
	}
	defer f.Close() //nolint:errcheck // reading only
	lines := bufio.NewScanner(f)
	lines.Scan() // the heading
	for lines.Scan() {
		row, err := proctext.ParseSocket(lines.Bytes())
		if err != nil {
			return list, fmt.Errorf("reading %s: %w", name, err)
		}
		if len(list) >= listing.MaxRows {
			break
		}
		send, receive, _ := proctext.ParseQueues(lines.Bytes())
		l.lines = append(l.lines, listed{six, send, receive, row.Remote})
		list = append(list, fold.Socket{
			Protocol: "tcp", State: fold.State(row.State), Local: row.Local, Remote: row.Remote,
			Cookie: uint64(len(l.lines)), Inode: uint32(row.Inode), UID: row.UID,
		})
	}
	return list, lines.Err()
}

func (l *Lister) print(list []fold.Socket) []printout.Row {
	rows := make([]printout.Row, 0, len(list))
	for i := range list {
		s := &list[i]
		of := l.lines[s.Cookie-1]
		row := printout.Row{
			V6: of.six, SendQ: of.send, RecvQ: of.receive, Local: s.Local, Remote: of.remote, State: proctext.State(s.State),
		}
		if s.Owner != nil {
			row.PID, row.Process = s.Owner.PID, s.Owner.Process
		}
		rows = append(rows, row)
	}
	return rows
}

// readLinks lists all interfaces, by index.
func readLinks() ([]printout.Link, error) {
	addresses, err := readAddresses()
	if err != nil {
		return nil, err
	}
	found, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("listing interfaces: %w", err)
	}
	links := make([]printout.Link, 0, len(found))
	for _, i := range found {
		links = append(links, printout.Link{Interface: i, Addresses: addresses[i.Index]})
	}
	return links, nil
}
