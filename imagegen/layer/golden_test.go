package layer_test

// Digest and diff ID of each layer in TestGolden.
var (
	goldenNothing = [2]string{
		"sha256:66310d49016bcd35fcc3e597bd37f3eb638840f7d060213f4f3d34405cf80bec",
		"sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef",
	}
	goldenFolder = [2]string{
		"sha256:80b47686a947475e170c615e16892ebe02b3dd22c12cd10bd35a02561b6180d6",
		"sha256:92fd5b4a6d6e00db8edb7e4f87e8565f8ba8bc858606c2f55a5c84ac40b620c5",
	}
	goldenBytes = [2]string{
		"sha256:99846e4387a33ea5cf4916389cbf4e4e3edaca88dba392e9ef689e4752982b8d",
		"sha256:90734c63c6133d64ab3ecd4a4474db600047ff54d815ca6fc6d69e9af8296e8d",
	}
	goldenDeflated = [2]string{
		"sha256:2273980cff8fc0599c28e58540b0e0f4feee0019cdd00fbd85e890ae7873ed97",
		"sha256:fac5fc537bd6037d55384a5bc0a8134af38148035fdeb05585b1e136b9101b6c",
	}
	goldenStored = [2]string{
		"sha256:f7660a0d228e7d7c82a957f78ef564d4fc1ab468df06d44d9bca9e47bde5120e",
		"sha256:d7263a72172fe9c61dd5182875501dc9f96f607daa49f95a176b647e82a41a9e",
	}
	goldenSample = [2]string{
		"sha256:87027e46214d0a76b4076420fce25530ae522d49e4cc046bf37814fea496f41e",
		"sha256:02bf4935dc9dda084272a2c728d099c88e7b9df1d26879eea6669831c05a90e0",
	}
	// goldenWheel is the blob that the sample refers to.
	goldenWheel = "sha256:26465d67aa303f4d4a5efbaab64cf285728d259975e85c0665ea7c88f14d0535"
)
