package layer_test

// Digest and diff ID of each layer in TestGolden.
var (
	goldenNothing = [2]string{
		"sha256:66310d49016bcd35fcc3e597bd37f3eb638840f7d060213f4f3d34405cf80bec",
		"sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef",
	}
	goldenFolder   = [2]string{"sha256:a05427266194ce450f79734c65ffbcc5b11109adbde1136c2072f81b9b88417a", "sha256:92fd5b4a6d6e00db8edb7e4f87e8565f8ba8bc858606c2f55a5c84ac40b620c5"}
	goldenBytes    = [2]string{"sha256:389812608dc9571dc14a408b6bcd6575da99e29c4140fc2c1036505a1cf25e6b", "sha256:90734c63c6133d64ab3ecd4a4474db600047ff54d815ca6fc6d69e9af8296e8d"}
	goldenDeflated = [2]string{"sha256:6684e058e0af97d5fd118f431efc4f63f0c472c87c1ad9fcd4f37395b4fdbbc1", "sha256:fac5fc537bd6037d55384a5bc0a8134af38148035fdeb05585b1e136b9101b6c"}
	goldenStored   = [2]string{"sha256:e29f20e39b8730fc4071a656b48ea35b1fc8df956f480ee4fbd75813cca920be", "sha256:d7263a72172fe9c61dd5182875501dc9f96f607daa49f95a176b647e82a41a9e"}
	goldenSample   = [2]string{"sha256:41edbc5cbe22181ff4bcf83d5efe73b475dcd91a24ec93d1f0387199c0f9d173", "sha256:02bf4935dc9dda084272a2c728d099c88e7b9df1d26879eea6669831c05a90e0"}
	// goldenWheel is the blob that the sample refers to.
	goldenWheel = "sha256:6c5dd6e2aea5aef3a5fd239cfca526dd4992b63ba5e21c3a368a36d880431399"
)
