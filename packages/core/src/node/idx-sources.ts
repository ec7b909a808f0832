// Where the data sets in IDX format come from. SHA-256 of the published .gz files, whose MD5 the publishers give.

type IdxFile = "trainImages" | "trainLabels" | "testImages" | "testLabels";

/** A data set of four IDX files. */
export interface IdxSource {
  readonly name: string;
  readonly classes: number;
  /** Addresses of folders that hold the files with `.gz` appended; tried in this order. */
  readonly mirrors: readonly string[];
  /** Name without `.gz`, and SHA-256 (lower-case hex) of the file with it. */
  readonly files: Readonly<Record<IdxFile, { readonly name: string; readonly sha256: string }>>;
}

/** The files of these hashes, which have the same names in both data sets. */
const filesOf = (sha256s: Readonly<Record<IdxFile, string>>): IdxSource["files"] => ({
  trainImages: { name: "train-images-idx3-ubyte", sha256: sha256s.trainImages },
  trainLabels: { name: "train-labels-idx1-ubyte", sha256: sha256s.trainLabels },
  testImages: { name: "t10k-images-idx3-ubyte", sha256: sha256s.testImages },
  testLabels: { name: "t10k-labels-idx1-ubyte", sha256: sha256s.testLabels },
});

/** Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits". */
export const mnist: IdxSource = {
  name: "mnist",
  classes: 10,
  mirrors: [
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
  ],
  files: filesOf({
    trainImages: "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    trainLabels: "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    testImages: "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    testLabels: "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
  }),
};

/** H. Xiao, K. Rasul, R. Vollgraf, "Fashion-MNIST", arXiv:1708.07747; MIT license. */
export const fashionMnist: IdxSource = {
  name: "fashion-mnist",
  classes: 10,
  mirrors: [
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
  ],
  files: filesOf({
    trainImages: "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
    trainLabels: "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
    testImages: "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
    testLabels: "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
  }),
};
