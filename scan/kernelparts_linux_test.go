package scan

import (
	"testing"

	"github.com/devops-trouble-map/dotm/scan/kernel"
	"github.com/devops-trouble-map/dotm/test/netns"
)

// TestDescriptors: the kernel lists a socket with the process that holds it
// and the descriptor, and what is no socket not at all.
func TestDescriptors(t *testing.T) {
	needRoot(t)
	p := startPeer(t, "holder", 0)
	p.do("listen", "tcp4", "127.0.0.1:8080")
	k := kernel.Load(kernel.Options{})
	defer func() { must(t, k.Close()) }()
	if k.Descriptors == nil {
		netns.Cannot(t, "the kernel lists no descriptors: "+k.NoDescriptors.Error())
	}
	for range 2 { // each pass is a new one
		var mine []kernel.Held
		must(t, k.Descriptors.Each(func(h kernel.Held) {
			if int(h.TGID) == p.pid() {
				mine = append(mine, h)
			}
		}))
		if len(mine) != 1 || mine[0].Inode == 0 || mine[0].Network == 0 {
			t.Errorf("got %+v, want the one socket of process %d", mine, p.pid())
		}
	}
}
