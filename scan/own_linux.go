package scan

import (
	"fmt"
	"os"
)

// SameProgram tells processes of this very program from others, for
// [Options.OwnPIDs]: the server, the agent and other dotm commands on one host
// are all dotm's own. A process whose program cannot be seen is not.
func SameProgram() func(pid int) bool {
	ours, err := os.Stat("/proc/self/exe")
	return func(pid int) bool {
		if pid == os.Getpid() {
			return true
		}
		theirs, statErr := os.Stat(fmt.Sprintf("/proc/%d/exe", pid))
		return err == nil && statErr == nil && os.SameFile(ours, theirs)
	}
}
