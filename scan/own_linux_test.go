package scan

import (
	"os"
	"testing"
)

func TestSameProgram(t *testing.T) {
	same := startPeer(t, "dotm-test", 0) // a copy: another file, another program
	own := SameProgram()
	if !own(os.Getpid()) {
		t.Error("this process is not its own")
	}
	if own(same.pid()) {
		t.Error("a copy of the program counts as the same")
	}
	if own(1 << 22) {
		t.Error("a process that doesn't exist counts as our own")
	}
	again, err := os.StartProcess("/proc/self/exe", []string{"again", "-test.run=^$"}, &os.ProcAttr{})
	if err != nil {
		t.Fatal(err)
	}
	if !own(again.Pid) {
		t.Error("the same file started again is not our own")
	}
	if _, err := again.Wait(); err != nil {
		t.Error(err)
	}
}
