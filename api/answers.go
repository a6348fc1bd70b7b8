package api

import (
	"net/http"

	"github.com/devops-trouble-map/dotm/api/archive"
	"github.com/devops-trouble-map/dotm/api/caller"
	"github.com/devops-trouble-map/dotm/api/door"
	"github.com/devops-trouble-map/dotm/api/findings"
	"github.com/devops-trouble-map/dotm/api/geo"
	"github.com/devops-trouble-map/dotm/api/incidents"
	"github.com/devops-trouble-map/dotm/api/monitoring"
	"github.com/devops-trouble-map/dotm/api/nodes"
	"github.com/devops-trouble-map/dotm/api/past"
	"github.com/devops-trouble-map/dotm/api/views"
)

// What routes answer and take, for those who ask them.
type (
	// Topology is the answer of GET /topology.
	Topology = views.Topology
	// NodeList is the answer of GET /nodes.
	NodeList = nodes.NodeList
	// TargetState is a node there that is asked.
	TargetState = nodes.TargetState
	// Explanation is the answer of GET /explain.
	Explanation = nodes.Explanation
	// FindingList is the answer of GET /report.
	FindingList = findings.FindingList
	// Difference is what GET /diff tells.
	Difference = past.Difference
	// Member is one of several servers that share a store.
	Member = past.Member
	// Result is one that is handed over by POST /checks.
	Result = monitoring.Result
	// IncidentList is the answer of GET /incidents.
	IncidentList = incidents.Page
	// IncidentCard is that of GET /incidents/{id}.
	IncidentCard = incidents.Card
	// Impact is that of GET /impact.
	Impact = incidents.WhatIf
	// Session is the answer of GET /session.
	Session = door.Session
	// Restored is the answer of POST /restore.
	Restored = archive.Restored
	// Site is a place that the configuration names, and which nodes are there.
	Site = geo.Site
)

// Local serves requests that came through the socket of the data folder: who
// may open that is an administrator.
func Local(next http.Handler) http.Handler { return caller.Local(next) }
