package workload

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/scan/workload/hostfs"
)

func TestDockerElsewhere(t *testing.T) {
	h := newHost(t)
	h.write("/etc/docker/daemon.json", `{"log-driver":"journald","data-root":"/data/docker"}`)
	h.write("/data/docker/containers/"+id1+"/config.v2.json", dockerState("cart"))
	h.name(inDocker, "cart")
	h.notes()
}

func TestDockerConfigThatSaysNothing(t *testing.T) {
	for _, config := range []string{"{}", `{"data-root":7}`, `{"data-root":"relative"}`, "nonsense", "[]"} {
		h := newHost(t)
		h.write("/etc/docker/daemon.json", config)
		h.write(dockerFile(id1), dockerState("cart"))
		h.name(inDocker, "cart")
	}
}

// A link of the host means the host's root, not that of who looks at it.
func TestDockerBehindALink(t *testing.T) {
	h := newHost(t)
	h.write("/data/docker/containers/"+id1+"/config.v2.json", dockerState("cart"))
	h.write("/var/lib/x", "")
	if err := os.Symlink("/data/docker", h.path("/var/lib/docker")); err != nil {
		t.Fatal(err)
	}
	h.name(inDocker, "cart")
}

func TestDockerRootless(t *testing.T) {
	h := newHost(t)
	h.write("/etc/passwd", passwd)
	h.write("/home/builder/.local/share/docker/containers/"+id1+"/config.v2.json", dockerState("cart"))
	h.name("/user.slice/user-1000.slice/user@1000.service/user.slice/docker-"+id1+".scope", "cart")
	h.name(inDocker, id1[:12]) // not a user's: the user's state says nothing of it
}

// Damage costs the name, and is mended.
func TestDockerDamaged(t *testing.T) {
	h := newHost(t)
	h.write(dockerFile(id1), `{"Name":"/ca`)
	if got, want := h.in(inDocker), (Container{ID: id1, Name: id1[:12], Runtime: "docker"}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	h.notes("container-damaged|1 container is called by its id: " + dockerFile(id1) + ": unexpected end of JSON input.")
	h.write(dockerFile(id1), dockerState("cart"))
	h.notes("container-damaged")
	h.pass(30 * time.Second)
	h.notes()
	h.name(inDocker, "cart")
	h.write(dockerFile(id1), "")
	h.pass(30 * time.Second)
	h.name(inDocker, "cart")
	h.notes() // nothing is missing
}

// Fields of another type than expected cost themselves only.
func TestDockerLenient(t *testing.T) {
	for text, want := range map[string]Container{
		`{"Name":"/cart","Config":{"Image":7,"Labels":{"io.kubernetes.pod.name":"cart-0","x":3}}}`: {Name: "cart", Pod: "cart-0"},
		`{"Name":"/cart","Config":{"Image":"i","Labels":null}}`:                                    {Name: "cart", Image: "i"},
		`{"Name":"cart","Config":"none"}`:                                                          {Name: "cart"},
		`{"Name":["cart"],"Config":{"Image":"i"}}`:                                                 {Name: id1[:12], Image: "i"},
		`{}`: {Name: id1[:12]},
	} {
		h := newHost(t)
		h.write(dockerFile(id1), text)
		want.ID, want.Runtime = id1, "docker"
		if got := h.in(inDocker); got != want {
			t.Errorf("%s\n got %+v\nwant %+v", text, got, want)
		}
		h.notes()
	}
}

func TestDockerMissing(t *testing.T) {
	h := newHost(t)
	h.name(inDocker, id1[:12])
	h.notes("container-state|Docker|/var/lib/docker/containers: does not exist.")
	h.write(dockerFile(id1), dockerState("cart"))
	h.pass(30 * time.Second)
	h.name(inDocker, "cart")
	h.notes()
}

// engine answers in place of Docker's daemon.
type engine struct {
	*host
	mu     sync.Mutex
	asked  int
	answer func(http.ResponseWriter, *http.Request)
}

// next counts a question and gives who answers it.
func (e *engine) next() func(http.ResponseWriter, *http.Request) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.asked++
	return e.answer
}

func (e *engine) answers(f func(http.ResponseWriter, *http.Request)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.answer = f
}

// wasAsked checks how many questions there were.
func (e *engine) wasAsked(want int) {
	e.t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.asked != want {
		e.t.Errorf("asked %d times, want %d", e.asked, want)
	}
}

func newEngine(t *testing.T) *engine {
	t.Helper()
	e := &engine{host: newHost(t)}
	e.state.dockerAPI.patience = time.Minute // more than any busy machine needs
	e.write("/run/x", "")
	socket := e.path(dockerSocket)
	listener, err := new(net.ListenConfig).Listen(t.Context(), "unix", socket)
	if err != nil {
		cannot(t, "no socket in the temporary directory: "+err.Error())
	}
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e.next()(w, r)
	})}
	served := make(chan struct{})
	go func() {
		defer close(served)
		server.Serve(listener) // ends by Close
	}()
	t.Cleanup(func() {
		server.Close()
		<-served
	})
	return e
}

func (e *engine) says(text string) {
	e.answers(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, text) })
}

// The answer of a real daemon is used where there are no files to read.
func TestDockerAPI(t *testing.T) {
	e := newEngine(t)
	list := string(recorded(t, "docker/containers.json"))
	e.answers(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || r.URL.Path != "/containers/json" {
			t.Errorf("asked %s %s", r.Method, r.URL)
		}
		fmt.Fprint(w, list)
	})
	want := Container{ID: id1, Name: "basket", Runtime: "docker", Image: "example.org/shop/cart:1.2"}
	if got := e.in(inDocker); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := e.in("/../" + id1); got != want {
		t.Errorf("a runtime that the path doesn't tell: got %+v, want %+v", got, want)
	}
	e.notes()
	e.says(strings.Replace(list, "basket", "tray", 1))
	e.pass(30 * time.Second)
	e.name(inDocker, "tray")
}

// One question in 30 seconds, however many containers are not known.
func TestDockerAPIIsAskedRarely(t *testing.T) {
	e := newEngine(t)
	e.says("[]")
	for i := range 10 {
		e.name("/docker/"+id1[:63]+string("0123456789"[i]), id1[:12])
	}
	e.pass(29 * time.Second)
	e.name("/docker/"+id2, id2[:12])
	e.wasAsked(1)
	e.pass(time.Second)
	e.name("/docker/"+id1[:63]+"0", id1[:12])
	e.name("/docker/"+id1[:63]+"1", id1[:12])
	e.wasAsked(2)
}

func TestDockerAPINames(t *testing.T) {
	for names, want := range map[string]string{
		`["/cart"]`:               "cart",
		`["/shop/alias","/cart"]`: "cart",
		`["/shop/alias"]`:         id1[:12],
		`[]`:                      id1[:12],
		`null`:                    id1[:12],
		`"/cart"`:                 id1[:12],
		`["/cart"],"Labels":{"x":"y","io.kubernetes.container.name":"web","io.kubernetes.pod.name":"web-0"}`: "web",
	} {
		e := newEngine(t)
		e.says(`[{"Id":"` + id1 + `","Names":` + names + `}]`)
		e.name(inDocker, want)
	}
}

func TestDockerAPIFails(t *testing.T) {
	tests := []struct {
		name   string
		answer func(http.ResponseWriter, *http.Request)
		want   string
	}{
		{"not JSON", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") }, "invalid character"},
		{"no list", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"message":"x"}`) }, "cannot unmarshal object"},
		{"an error", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusInternalServerError) }, "answers 500 Internal Server Error"},
		{"elsewhere", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://example.org/", http.StatusFound)
		}, "answers 302 Found"},
		{"too much", func(w http.ResponseWriter, _ *http.Request) {
			blank := []byte(strings.Repeat(" ", 1<<20))
			for range maxDockerAnswer>>20 + 1 {
				w.Write(blank)
			}
		}, "at most 16777216 bytes"},
		{"hangs up", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "EOF"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := newEngine(t)
			e.write("/var/lib/docker/containers/x/y", "")
			e.answers(tt.answer)
			e.name(inDocker, id1[:12])
			e.notes("container-damaged|" + e.path(dockerSocket) + ": |" + tt.want)
			e.says(`[{"Id":"` + id1 + `","Names":["/cart"]}]`)
			e.pass(30 * time.Second)
			e.name(inDocker, "cart")
			e.notes()
		})
	}
}

// A daemon that hangs is waited for once in 30 seconds, and not for long.
func TestDockerAPIHangs(t *testing.T) {
	e := newEngine(t)
	e.write("/var/lib/docker/containers/x/y", "")
	if e.state.dockerAPI.patience = newDockerAPI("/", nil).patience; e.state.dockerAPI.patience > time.Second {
		t.Errorf("waits %s", e.state.dockerAPI.patience)
	}
	e.state.dockerAPI.patience = 10 * time.Millisecond
	done := make(chan struct{})
	defer close(done)
	e.answers(func(http.ResponseWriter, *http.Request) { <-done })
	e.name(inDocker, id1[:12])
	e.name("/docker/"+id2, id2[:12])
	e.notes("container-damaged|2 containers are called by their ids: |no answer within 10ms")
}

// The last good answer is kept through a failure.
func TestDockerAPIRestarts(t *testing.T) {
	e := newEngine(t)
	e.says(`[{"Id":"` + id1 + `","Names":["/cart"]},{"Id":"` + id2 + `","Names":["/web"]}]`)
	e.name(inDocker, "cart")
	e.says("")
	e.pass(30 * time.Second)
	e.name(inDocker, "cart")
	e.name("/docker/"+id2, "web")
}

func TestNoDockerSocket(t *testing.T) {
	h := newHost(t)
	h.write(dockerSocket, "no socket at all")
	h.write("/var/lib/docker/containers/x/y", "")
	h.name(inDocker, id1[:12])
	h.notes("container-damaged|" + filepath.Join(h.root, dockerSocket) + ": connect: connection refused")
}

func FuzzDockerFile(f *testing.F) {
	f.Add(recorded(f, "docker/root"+dockerFile(id1)))
	f.Add([]byte(dockerState("cart")))
	f.Add([]byte(`{"Name":["/"],"Config":{"Labels":{"io.kubernetes.pod.name":"p"}}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var d dockerContainer
		if err := hostfs.Decode(text, &d); err == nil {
			fit(t, d.container())
		}
	})
}

func FuzzDockerList(f *testing.F) {
	f.Add(recorded(f, "docker/containers.json"))
	f.Add([]byte(`[{"Id":"` + id1 + `","Names":["/shop/alias","/cart"],"Labels":{"io.kubernetes.container.name":"web"}}]`))
	f.Fuzz(func(t *testing.T, text []byte) {
		list, err := decodeDockerList(text)
		if err != nil && list != nil {
			t.Error("an error with a list")
		}
		for id, c := range list {
			c.ID = id
			fit(t, c)
		}
	})
}
