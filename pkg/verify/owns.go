package verify

// Owned gives a function that says what a topology says in place of a flag of a
// program, or a field of a configuration; "" for one that it may give.
func Owned() (func(program, name string) string, error) {
	rules, err := loadFlagRules()
	return func(program, name string) string { return rules.Owned[program][name] }, err
}
