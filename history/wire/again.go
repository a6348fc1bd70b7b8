package wire

// The places of a connection in which there mostly is the text of the one before.
const (
	clientNode = iota
	clientProcess
	clientService
	serverNode
	serverProcess
	protocol
	clientAddress
	serverAddress
	clientResolved
	serverResolved
	healthEnd
	placeCount
)

// places are the texts that were written last in each place, with their indexes.
type places [placeCount]struct {
	text  string
	node  string // of a sentence: whom it is about
	index uint64
	set   bool
}

// again writes a text as string does, and finds that of the connection before
// without looking it up.
func (e *encoder) again(place int, s string) {
	p := &e.places[place]
	if p.set && p.text == s {
		e.uint(p.index << 1)
		return
	}
	p.text, p.index, p.set = s, e.string(s), true
}
