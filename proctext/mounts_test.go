package proctext

import "testing"

const mountsText = `proc /proc proc rw,nosuid,nodev,noexec,relatime 0 0
sysfs /sys sysfs rw,nosuid,nodev,noexec,relatime 0 0
proc /host/proc proc ro,relatime,gid=4,hidepid=invisible 0 0
proc /chroot\040dir/proc proc rw,hidepid=2 0 0
tmpfs /tmp/x tmpfs rw,hidepid=1 0 0
proc /off proc rw,hidepid=0 0 0
proc /named-off proc rw,hidepid=off 0 0
proc /twice proc rw,hidepid=2 0 0
proc /twice proc rw 0 0
proc /cut proc
`

func TestHidePID(t *testing.T) {
	for target, want := range map[string]string{
		"/proc":            "",
		"/host/proc":       "invisible",
		"/chroot dir/proc": "2",
		"/tmp/x":           "",
		"/off":             "",
		"/named-off":       "",
		"/twice":           "",
		"/cut":             "",
		"/nowhere":         "",
	} {
		if got := HidePID([]byte(mountsText), target); got != want {
			t.Errorf("%s: got %q, want %q", target, got, want)
		}
	}
}

func FuzzHidePID(f *testing.F) {
	f.Add([]byte(mountsText), "/host/proc")
	f.Fuzz(func(t *testing.T, text []byte, target string) {
		if got := HidePID(text, target); got == "0" || got == "off" {
			t.Errorf("%q says that processes are hidden", got)
		}
	})
}
