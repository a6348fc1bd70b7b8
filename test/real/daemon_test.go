package realtest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// nginx starts the web server with a master and one worker. body is what
// stands in its server block; each listen is what stands behind that word.
func (h *host) nginx(t *testing.T, body string, listen ...string) *program {
	t.Helper()
	binary, dir := need(t, "nginx"), openDir(t)
	var b strings.Builder
	user := "root" // the only one there may be
	if os.Getenv(envInside) == asRoot {
		user = "nobody nogroup"
	}
	fmt.Fprintf(&b, "user %s;\nworker_processes 1;\ndaemon off;\npid nginx.pid;\nerror_log stderr warn;\n", user)
	b.WriteString("events { worker_connections 256; }\nhttp {\naccess_log off;\n")
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		fmt.Fprintf(&b, "%s_temp_path %s;\n", kind, kind)
	}
	b.WriteString("server {\n")
	for _, l := range listen {
		fmt.Fprintf(&b, "listen %s;\n", l)
	}
	fmt.Fprintf(&b, "%s\n}\n}\n", body)
	config := filepath.Join(dir, "nginx.conf")
	write(t, config, b.String())
	return h.start(t, binary, []string{"-p", dir, "-c", config, "-e", "stderr"})
}

// redis starts redis-server on the addresses. It keeps nothing.
func (h *host) redis(t *testing.T, port int, addresses ...string) *program {
	t.Helper()
	args := []string{"--port", fmt.Sprint(port), "--save", "", "--appendonly", "no", "--protected-mode", "no", "--dir", openDir(t), "--bind"}
	return h.start(t, need(t, "redis-server"), append(args, addresses...))
}

func (h *host) memcached(t *testing.T, port int, address string) *program {
	t.Helper()
	args := []string{"-l", address, "-p", fmt.Sprint(port), "-U", "0", "-m", "16", "-t", "1"}
	if os.Geteuid() == 0 {
		args = append(args, "-u", "root")
	}
	return h.start(t, need(t, "memcached"), args)
}

// dnsmasq starts a name server that knows one name, on UDP and TCP.
func (h *host) dnsmasq(t *testing.T, port int, address string) *program {
	t.Helper()
	return h.start(t, need(t, "dnsmasq"), []string{
		"--no-daemon", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--pid-file=",
		"--bind-interfaces", "--listen-address=" + address, "--except-interface=none", fmt.Sprintf("--port=%d", port), "--address=/site.test/192.0.2.1",
	})
}

// reachable waits until a TCP server on the host takes connections.
func (h *host) reachable(t *testing.T, addresses ...string) {
	t.Helper()
	for _, address := range addresses {
		eventually(t, address+" takes connections", func() error {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			c, err := h.dial(ctx, "tcp", address)
			if err != nil {
				return err
			}
			return c.Close()
		})
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil { //nolint:gosec // daemons of other users read it
		t.Fatal(err)
	}
}
