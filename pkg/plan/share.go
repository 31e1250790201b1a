package plan

// Class identifies the hosts that no condition, role or parameter tells apart.
// The texts that they see differ only by .Host, .Each and what vars make of
// these, so that a text without any of them is rendered once for a class.
func (h *Host) Class() any { return h.state.class }

// CollectedVaries says whether .Ports and its like differ between the hosts of
// a class.
func (p *Plan) CollectedVaries() bool { return p.build.collectBound }
