package mapping

import (
	"github.com/devops-trouble-map/dotm/mapping/lexicon"
	"github.com/devops-trouble-map/dotm/topology"
)

// Catalogue tells what services are. It is safe for any number of readers.
type Catalogue struct{ words *lexicon.Lexicon }

// NewCatalogue is a catalogue of all software that is known.
func NewCatalogue() *Catalogue { return &Catalogue{lexicon.New()} }

// Software is what a service is, by the names of its process, unit, container and
// image: an id, one word in lower case such as "postgresql", and what people call it.
// Both are empty if that is not known. web says that it speaks HTTP.
func (c *Catalogue) Software(s *topology.Service) (id, title string, web bool) {
	k := c.words.Program(s.Process, s.Unit, s.Container, s.Image)
	if k == nil {
		return "", "", false
	}
	return k.ID, k.Title, k.Family == lexicon.Web
}
