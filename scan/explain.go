package scan

import "github.com/devops-trouble-map/dotm/scan/explain"

type (
	// Abilities are what [Explain] tells.
	Abilities = explain.Abilities
	// Ability is one of them.
	Ability = explain.Ability
	// Facts are what they follow from.
	Facts = explain.Facts
	// Privilege is a capability that a look can make use of.
	Privilege = explain.Privilege
)

// The codes of abilities.
const (
	AbleSockets      = explain.AbleSockets
	AbleHealth       = explain.AbleHealth
	AbleOwnOwners    = explain.AbleOwnOwners
	AbleAllOwners    = explain.AbleAllOwners
	AbleShort        = explain.AbleShort
	AbleNetworks     = explain.AbleNetworks
	AbleTranslations = explain.AbleTranslations
	AbleWorkloads    = explain.AbleWorkloads
)
