package layer_test

// Digest and diff ID of each layer in TestGolden.
var (
	goldenNothing  = [2]string{}
	goldenFolder   = [2]string{}
	goldenBytes    = [2]string{}
	goldenDeflated = [2]string{}
	goldenStored   = [2]string{}
	goldenSample   = [2]string{}
	goldenWheel    = ""
)
