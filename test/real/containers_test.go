//go:build linux

package realtest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/devops-trouble-map/dotm/test/bed/stage"
)

// The addresses of a host with a container behind a published port.
const (
	bridgeAddress    = "172.30.5.1"
	containerAddress = "172.30.5.2"
	outerAddress     = "10.78.0.1"
	callerAddress    = "10.78.0.2"
)

// TestContainer: a container is a node of its own, and who calls a port that
// its host publishes is shown to call the service in it, with both ends known.
func TestContainer(t *testing.T) {
	stage.NeedRoot(t)
	site := stage.NewSite(
		t,
		stage.On("bridge", "docker1", bridgeAddress+"/24").And("outer", outerAddress+"/24"),
		stage.On("bridge", "box", containerAddress+"/24").Via("default via "+bridgeAddress),
		stage.On("outer", "caller", callerAddress+"/24").Via("default via "+outerAddress),
	)
	docker, box, caller := site.Hosts["docker1"], site.Hosts["box"], site.Hosts["caller"]
	docker.IP(t, "link set eth0 down", "link set eth0 name bridge0", "link set bridge0 up")
	docker.Rules(t, `table ip published {
		chain pre { type nat hook prerouting priority -100; ip daddr `+outerAddress+` tcp dport 8080 dnat to `+containerAddress+`:80; }
	}`)
	shop, browser := box.Puppet(t, "shop"), caller.Puppet(t, "browser")
	shop.Listen(t, "tcp4", ":80")
	browser.Dial(t, 3, "tcp4", outerAddress+":8080")
	d := docker.Serve(t, local, []string{"up", "--data", stage.OpenDir(t), "--interval", interval, "--namespaces", "all"})
	d.HeardOf(t, "docker1")
	stage.Eventually(t, "the call leads into the container", func() error {
		c, err := d.Chart(t.Context())
		if err != nil {
			return err
		}
		return errors.Join(
			is("container", c.Node("docker1/shop").String(), "docker1/shop container reporting"),
			is("service", c.Service("docker1/shop", 80).String(), "docker1/shop shop tcp/80 listening 0.0.0.0"),
			is("edge", c.Edge("browser").String(), "docker1/browser/browser → docker1/shop/shop:80/tcp ×3 both"),
		)
	})
	browser.HangUp(t)
	stage.Eventually(t, "the edge closes", func() error {
		c, err := d.Chart(t.Context())
		if err != nil {
			return err
		}
		return is("edge", c.Edge("browser").String(), "docker1/browser/browser → docker1/shop/shop:80/tcp ×0 both")
	})
}

func is(what, got, want string) error {
	if got != want {
		return fmt.Errorf("%s is %q, want %q", what, got, want)
	}
	return nil
}
