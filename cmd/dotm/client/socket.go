package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
)

// socketName is the way of local commands to the server, in its data folder.
const socketName = "dotm.sock"

// Listen opens the socket of a data folder, for its owner alone. It takes
// the place of one that a server left behind which was killed: who holds the
// store's lock is the only one. The socket gets its mode before it gets its
// name, so that at no moment others can connect.
func Listen(data string) (_ net.Listener, err error) {
	dir, err := os.MkdirTemp(data, ".s") // mode 0700
	if err != nil {
		return nil, fmt.Errorf("making socket: %w", err)
	}
	defer os.RemoveAll(dir) //nolint:errcheck // it is empty by then
	l, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		return nil, fmt.Errorf("making socket: %w (the path of a socket may have about 100 bytes)", err)
	}
	if u, ok := l.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(false) // by then it has another name
	}
	err = os.Chmod(filepath.Join(dir, "s"), 0o600)
	if err == nil {
		err = os.Rename(filepath.Join(dir, "s"), filepath.Join(data, socketName))
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("making socket: %w", err), l.Close())
	}
	return &localListener{l, filepath.Join(data, socketName)}, nil
}

// localListener removes its file when it closes.
type localListener struct {
	net.Listener
	path string
}

// Close removes the file first: there is no moment at which it leads nowhere.
func (l *localListener) Close() error {
	_ = os.Remove(l.path) // closed twice, it is gone
	return l.Listener.Close()
}

// Dial connects to the server of a data folder.
func Dial(ctx context.Context, data string) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(data, socketName))
}
