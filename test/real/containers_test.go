package realtest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// The addresses of a host with a container behind a published port.
const (
	bridgeAddress    = "172.30.5.1"
	containerAddress = "172.30.5.2"
	outerAddress     = "10.78.0.1"
	callerAddress    = "10.78.0.2"
)

// cable joins two hosts.
func (h *host) cable(t *testing.T, name, address string, to *host, theirs string) {
	t.Helper()
	h.ip(
		t,
		fmt.Sprintf("link add %s type veth peer name eth0 netns /proc/%d/fd/%d", name, os.Getpid(), to.net.Fd()),
		"address add "+address+"/24 dev "+name,
		"link set "+name+" up",
	)
	to.ip(t, "address add "+theirs+"/24 dev eth0", "link set eth0 up", "route add default via "+address)
}

// rules puts rules of nft(8) into force on the host.
func (h *host) rules(t *testing.T, rules string) {
	t.Helper()
	cmd := exec.Command(need(t, "nft"), "-f", "-") //nolint:gosec // found in PATH
	cmd.Stdin = strings.NewReader(rules)
	err := h.do(func() error {
		out, err := cmd.CombinedOutput()
		if err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0o600)
	})
	if err != nil {
		cannot(t, "nft: "+err.Error())
	}
}

// TestContainer: a container is a node of its own, and who calls a port that
// its host publishes is shown to call the service in it, with both ends known.
func TestContainer(t *testing.T) {
	if os.Getenv(envInside) != asRoot {
		cannot(t, "needs the machine's root")
	}
	docker, box, caller := newHost(t, "docker1"), newHost(t, "box"), newHost(t, "caller")
	docker.cable(t, "bridge0", bridgeAddress, box, containerAddress)
	docker.cable(t, "outer0", outerAddress, caller, callerAddress)
	docker.rules(t, `table ip published {
		chain pre { type nat hook prerouting priority -100; ip daddr `+outerAddress+` tcp dport 8080 dnat to `+containerAddress+`:80; }
	}`)
	shop, browser := box.puppet(t, "shop"), caller.puppet(t, "browser")
	shop.listen(t, "tcp4", ":80")
	browser.dial(t, 3, "tcp4", outerAddress+":8080")
	d := docker.server(t, local, []string{"up", "--data", openDir(t), "--interval", interval, "--namespaces", "all"})
	d.heardOf(t, "docker1")
	eventually(t, "the call leads into the container", func() error {
		c, err := d.chart(t.Context())
		if err != nil {
			return err
		}
		return errors.Join(
			is("container", c.node("docker1/shop").String(), "docker1/shop container reporting"),
			is("service", c.service("docker1/shop", 80).String(), "docker1/shop shop tcp/80 listening 0.0.0.0"),
			is("edge", c.edge("browser").String(), "docker1/browser/browser → docker1/shop/shop:80/tcp ×3 both"),
		)
	})
	browser.hangUp(t)
	eventually(t, "the edge closes", func() error {
		c, err := d.chart(t.Context())
		if err != nil {
			return err
		}
		return is("edge", c.edge("browser").String(), "docker1/browser/browser → docker1/shop/shop:80/tcp ×0 both")
	})
}

func is(what, got, want string) error {
	if got != want {
		return fmt.Errorf("%s is %q, want %q", what, got, want)
	}
	return nil
}
