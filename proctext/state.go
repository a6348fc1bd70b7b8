package proctext

// State is a socket's state, numbered as in the kernel's tcp_states.h. A UDP
// socket is [Established] when it is connected to one peer, else [Closed].
type State uint8

// The states of TCP (RFC 9293, 3.3.2).
const (
	Established State = 1
	SynSent     State = 2
	SynReceived State = 3
	FinWait1    State = 4
	FinWait2    State = 5
	TimeWait    State = 6
	Closed      State = 7
	CloseWait   State = 8
	LastAck     State = 9
	Listening   State = 10
	Closing     State = 11
)

// The protocols of sockets.
const (
	TCP = "tcp"
	UDP = "udp"
)
