package workload

import (
	"testing"
	"time"
)

// The names of logs tell what an unreadable state does not.
func TestPodLogs(t *testing.T) {
	cart := Container{ID: id1, Name: "cart", Runtime: "containerd", Pod: "cart-0", PodNamespace: "shop"}
	unnamed := cart
	unnamed.Name = id1[:12]
	tests := []struct {
		name  string
		files []string
		want  Container
	}{
		{"the container's link", []string{"/var/log/containers/cart-0_shop_cart-" + id1 + ".log"}, cart},
		{"the link before the directory", []string{"/var/log/containers/cart-0_shop_cart-" + id1 + ".log", "/var/log/pods/shop_cart-0_" + uid + "/a/0.log", "/var/log/pods/shop_cart-0_" + uid + "/b/0.log"}, cart},
		{"a pod of one container", []string{"/var/log/pods/shop_cart-0_" + uid + "/cart/0.log"}, cart},
		{"a pod of two", []string{"/var/log/pods/shop_cart-0_" + uid + "/cart/0.log", "/var/log/pods/shop_cart-0_" + uid + "/proxy/0.log"}, unnamed},
		{"other pods", []string{"/var/log/pods/shop_cart-0_" + id1[:32] + "/cart/0.log", "/var/log/containers/cart-0_shop_cart-" + id2 + ".log"}, Container{ID: id1, Name: id1[:12], Runtime: "containerd"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := newHost(t)
			h.write(bundleFile("k8s.io", id2), criState)
			for _, f := range tt.files {
				h.write(f, "")
			}
			if got := h.in(inCRI); got != tt.want {
				t.Errorf(" got %+v\nwant %+v", got, tt.want)
			}
		})
	}
}

// An old containerd writes no names; the logs add them.
func TestPodLogsComplete(t *testing.T) {
	h := newHost(t)
	h.write(bundleFile("k8s.io", id1), `{"annotations":{"io.kubernetes.cri.container-type":"container","io.kubernetes.cri.image-name":"i"}}`)
	h.write("/var/log/containers/cart-0_shop_my-cart-"+id1+".log", "")
	want := Container{ID: id1, Name: "my-cart", Runtime: "containerd", Image: "i", Pod: "cart-0", PodNamespace: "shop"}
	if got := h.in(inCRI); got != want {
		t.Errorf(" got %+v\nwant %+v", got, want)
	}
}

// What the state says is not overruled by the logs.
func TestPodLogsDoNotOverrule(t *testing.T) {
	h := newHost(t)
	h.write(bundleFile("k8s.io", id1), criState)
	h.write("/var/log/containers/x_y_z-"+id1+".log", "")
	if got := h.in(inCRI); got.Name != "cart" || got.Pod != "cart-0" || got.PodNamespace != "shop" {
		t.Errorf("got %+v", got)
	}
}

// The logs are listed once in 30 seconds.
func TestPodLogsAreListedRarely(t *testing.T) {
	h := newHost(t)
	h.write(bundleFile("k8s.io", id2), criState)
	h.name(inCRI, id1[:12])
	h.write("/var/log/containers/cart-0_shop_cart-"+id1+".log", "")
	h.write("/var/log/containers/cart-0_shop_web-"+id1[1:]+"0.log", "")
	h.name("/kubepods/pod"+uid+"/"+id1[1:]+"0", id1[1:13])
	h.pass(30 * time.Second)
	h.name("/kubepods/pod"+uid+"/"+id1[1:]+"0", "web")
	h.name(inCRI, "cart")
}

func TestLogNames(t *testing.T) {
	for name, want := range map[string]Container{
		"cart-0_shop_my-cart-abc.log": {Pod: "cart-0", PodNamespace: "shop", Name: "my-cart", ID: "abc"},
		"cart-0_shop_cart.log":        {},
		"cart-0_shop_cart-abc":        {},
		"cart-0_shop_-abc.log":        {},
		"cart-0_shop_cart-.log":       {},
		"cart-0_shop.log":             {},
		"_shop_cart-abc.log":          {},
		"a_b_c_d-abc.log":             {},
		"":                            {},
	} {
		if got, ok := containerLog(name); got != want || ok != (want != Container{}) {
			t.Errorf("%q: got %+v, %t, want %+v", name, got, ok, want)
		}
	}
	for name, want := range map[string]string{
		"shop_cart-0_" + uid: uid, "shop_cart-0": "", "_cart-0_x": "", "shop__x": "", "a_b_c_d": "", "": "",
	} {
		if pod, got, ok := podLog(name); got != want || ok != (want != "") || ok != (pod.Pod != "") {
			t.Errorf("%q: got %+v, %q, %t, want %q", name, pod, got, ok, want)
		}
	}
}

func FuzzLogNames(f *testing.F) {
	f.Add("cart-0_shop_my-cart-" + id1 + ".log")
	f.Add("shop_cart-0_" + uid)
	f.Fuzz(func(t *testing.T, name string) {
		if c, ok := containerLog(name); ok && (c.Pod == "" || c.Name == "" || c.ID == "") {
			t.Errorf("%q gives %+v", name, c)
		}
		if c, _, ok := podLog(name); ok && (c.Pod == "" || c.PodNamespace == "") {
			t.Errorf("%q gives %+v", name, c)
		}
	})
}
