package resolver

// importNames are packages that are often asked for by the name of the module that they contain.
// Each was read off the package's own list of top-level modules.
var importNames = map[string]string{
	"attr":          "attrs",
	"bs4":           "beautifulsoup4",
	"cv2":           "opencv-python",
	"dateutil":      "python-dateutil",
	"dotenv":        "python-dotenv",
	"faiss":         "faiss-cpu",
	"fitz":          "pymupdf",
	"git":           "gitpython",
	"google-cloud":  "google-cloud-storage",
	"igraph":        "python-igraph",
	"jwt":           "pyjwt",
	"magic":         "python-magic",
	"mpl-toolkits":  "matplotlib",
	"openssl":       "pyopenssl",
	"pil":           "pillow",
	"pkg-resources": "setuptools",
	"psycopg2":      "psycopg2-binary",
	"pytorch":       "torch",
	"serial":        "pyserial",
	"skimage":       "scikit-image",
	"sklearn":       "scikit-learn",
	"usb":           "pyusb",
	"yaml":          "pyyaml",
	"zmq":           "pyzmq",
}
