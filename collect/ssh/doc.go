// Package ssh asks nodes over SSH what their sockets are. Nothing is installed
// there: the node's own tools print, by one fixed command ([Command]) that fits
// command= of authorized_keys(5), and an ordinary user may run it. Nothing that
// comes from the network becomes part of that command.
//
// [Poller.Poll] takes addresses like "ssh://user@host:22?jump=gate". Host keys
// are held against known_hosts files, and are trusted on first use only if
// [Options.TrustNew] says so. Each poll is a connection of its own, bounded in
// time and size, whatever the node does.
package ssh
