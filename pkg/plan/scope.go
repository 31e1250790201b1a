package plan

// scope is what the methods of Data look into.
type scope struct{}
