package scan

import "github.com/devops-trouble-map/dotm/scan/explain"

// Abilities and their parts are what [Explain] tells.
type (
	Abilities = explain.Abilities
	Ability   = explain.Ability
	Facts     = explain.Facts
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
