package topology

import (
	"slices"
	"time"
)

// The functions of this file tell a change from times that merely advance.

// SameNode says whether two states of a node differ in nothing but the times of
// its reports and what they cost.
func SameNode(a, b *Node) bool {
	x, y := a, b
	return x.Name == y.Name && x.Kind == y.Kind && x.Zone == y.Zone && x.State == y.State &&
		x.Verdict == y.Verdict && x.FirstSeen.Equal(y.FirstSeen) && x.Interval == y.Interval &&
		x.Identity == y.Identity && x.Agent == y.Agent && x.Collect == y.Collect && x.HiddenProcesses == y.HiddenProcesses &&
		slices.Equal(x.Addresses, y.Addresses) && slices.Equal(x.Notes, y.Notes) && slices.Equal(x.SeenBy, y.SeenBy) &&
		slices.Equal(x.Forwards, y.Forwards) && slices.Equal(x.Findings, y.Findings) &&
		x.Twin.Node == y.Twin.Node && slices.Equal(x.ContainerNetworks, y.ContainerNetworks) && slices.Equal(x.OnLoopback, y.OnLoopback) &&
		slices.Equal(x.VirtualAddresses, y.VirtualAddresses) && slices.EqualFunc(x.Sources, y.Sources, sameSource) &&
		slices.EqualFunc(x.AddressChanges, y.AddressChanges, sameChange) && slices.EqualFunc(x.Formerly, y.Formerly, sameFormer) &&
		slices.EqualFunc(x.Holders, y.Holders, sameHolder) && slices.Equal(x.Members, y.Members) && slices.Equal(x.Shortages, y.Shortages)
}

func sameChange(a, b AddressChange) bool {
	return a.Address == b.Address && a.Gained == b.Gained && a.At.Equal(b.At)
}

// sameSource leaves the count out, which is rough.
func sameSource(a, b Source) bool {
	return a.Protocol == b.Protocol && a.Client == b.Client && a.As == b.As && a.Server == b.Server
}

func sameFormer(a, b Former) bool {
	return a.Name == b.Name && a.Identity == b.Identity && a.Until.Equal(b.Until)
}

func sameHolder(a, b Holder) bool {
	return a.Node == b.Node && a.Since.Equal(b.Since) && a.Until.Equal(b.Until)
}

// OnlyTimes says whether a block differs from the one before it in advancing
// times alone: then the two share their lists.
func OnlyTimes(a, b *Block) bool {
	return SameList(a.Services, b.Services) && SameList(a.Connections, b.Connections) && SameList(a.Checks, b.Checks) && SameNode(&a.Node, &b.Node)
}

// SameList says whether two lists of blocks are one, which both share.
func SameList[T any](a, b []T) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

// SameServices says whether two lists of services differ in nothing but times
// that advance while a service listens and is used.
func SameServices(a, b []Service) bool {
	return slices.EqualFunc(a, b, func(x, y Service) bool { return SameService(&x, &y) })
}

// SamePIDs says whether two lists of the same services have the same processes.
func SamePIDs(a, b []Service) bool {
	return slices.EqualFunc(a, b, func(x, y Service) bool { return x.PID == y.PID })
}

// SameService is [SameServices] for one.
func SameService(x, y *Service) bool {
	return x.ID == y.ID && x.Process == y.Process && x.User == y.User && x.State == y.State &&
		x.Verdict == y.Verdict && x.Scope == y.Scope && x.Own == y.Own && x.Clients == y.Clients &&
		x.Unit == y.Unit && x.Container == y.Container && x.Image == y.Image && x.Pod == y.Pod &&
		x.Queue == y.Queue && x.QueueMax == y.QueueMax && x.Drops == y.Drops && slices.Equal(x.Addresses, y.Addresses) &&
		x.FirstSeen.Equal(y.FirstSeen) && (x.State != Gone || x.LastSeen.Equal(y.LastSeen)) &&
		(x.Clients > 0 || x.LastConnection.Equal(y.LastConnection))
}

// SameConnections says whether two lists of connections differ in nothing but
// times that advance while a connection is open.
func SameConnections(a, b []*Connection) bool { return slices.EqualFunc(a, b, SameConnection) }

// SameConnection is [SameConnections] for one.
func SameConnection(x, y *Connection) bool {
	return x == y || x.Count == y.Count && x.Opened == y.Opened && x.Refused == y.Refused && x.TimedOut == y.TimedOut && x.Failed == y.Failed &&
		x.Peers == y.Peers && SameHealth(x.Health, y.Health) &&
		x.FirstSeen.Equal(y.FirstSeen) && (x.Count > 0 || x.LastSeen.Equal(y.LastSeen)) && SameEdge(x, y)
}

// SameEdge says whether two connections differ in nothing but numbers and times.
func SameEdge(x, y *Connection) bool {
	return x.ID == y.ID && x.Client == y.Client && x.Server == y.Server && x.Status == y.Status && x.Own == y.Own && x.Observer == y.Observer &&
		sameEvidence(&x.Evidence, &y.Evidence)
}

// SameHealth says whether two measurements are the same.
func SameHealth(a, b *Health) bool {
	if a == nil || b == nil {
		return a == b
	}
	x, y := *a, *b
	sameTimes := x.ConnectingSince.Equal(y.ConnectingSince) && x.CloseWaitSince.Equal(y.CloseWaitSince)
	x.ConnectingSince, x.CloseWaitSince, y.ConnectingSince, y.CloseWaitSince = time.Time{}, time.Time{}, time.Time{}, time.Time{}
	return sameTimes && x == y
}

// sameEvidence leaves the addresses out where many peers take turns.
func sameEvidence(a, b *Evidence) bool {
	return a.BothEnds == b.BothEnds && a.Confirmed == b.Confirmed && a.ClientResolved == b.ClientResolved && a.ServerResolved == b.ServerResolved &&
		slices.EqualFunc(a.SeenBy, b.SeenBy, func(x, y Sighting) bool { return x.Node == y.Node && x.End == y.End })
}
