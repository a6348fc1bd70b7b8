package topology

import "iter"

// Changed yields the blocks that differ from those of an earlier snapshot: what each was
// before, and what it is now. One of the two is nil where the other snapshot has no node
// of the name. Blocks that both share cost next to nothing.
func (s *Snapshot) Changed(before *Snapshot) iter.Seq2[*Block, *Block] {
	return func(yield func(was, is *Block) bool) {
		var a []*Block
		if before != nil {
			a = before.blocks
		}
		b := s.blocks
		for len(a) > 0 || len(b) > 0 {
			if len(a) > 0 && len(b) > 0 && a[0] == b[0] {
				a, b = a[1:], b[1:]
				continue
			}
			was, is := foremost(a, b)
			if was != nil {
				a = a[1:]
			}
			if is != nil {
				b = b[1:]
			}
			if !yield(was, is) {
				return
			}
		}
	}
}

// foremost are the first blocks of two lists if they are of one node, else the one of
// them that comes first. Both are sorted by name, and not both are empty.
func foremost(a, b []*Block) (was, is *Block) {
	if len(a) > 0 && (len(b) == 0 || a[0].Node.Name <= b[0].Node.Name) {
		was = a[0]
	}
	if len(b) > 0 && (len(a) == 0 || b[0].Node.Name <= a[0].Node.Name) {
		is = b[0]
	}
	return was, is
}
