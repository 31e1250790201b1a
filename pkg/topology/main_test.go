package topology

import "flag"

var update = flag.Bool("update", false, "write the files that are generated from the schema")
