/**
 * The Python wheels that native TensorFlow is taken out of, and what is taken: for the CPU one wheel; for CUDA
 * TensorFlow's and those of NVIDIA's libraries that its extra `and-cuda` names.
 *
 * NVIDIA's versions are those that TensorFlow 2.21 was built with (CUDA 12.5, cuDNN 9.3): smaller than the newest,
 * and the wheel has no kernels for GPUs after Hopper anyway. Of its extra's twelve wheels three are left out:
 * `curand`, which this TensorFlow does not load, `nccl`, for training on several GPUs, and `cupti`, for profiling.
 */

export const TENSORFLOW_VERSION = "2.21.0";

/** Built for the CPU, or for NVIDIA's GPUs (which runs on the CPU where there is none). */
export const VARIANTS = /** @type {const} */ (["cpu", "cuda"]);

export const TENSORFLOW_LIBRARIES = ["libtensorflow_cc.so.2", "libtensorflow_framework.so.2"];

/** What the binding includes. */
const HEADERS = [
  "tensorflow/c/c_api.h",
  "tensorflow/c/c_api_macros.h",
  "tensorflow/c/eager/c_api.h",
  "tensorflow/c/tf_attrtype.h",
  "tensorflow/c/tf_buffer.h",
  "tensorflow/c/tf_datatype.h",
  "tensorflow/c/tf_status.h",
  "tensorflow/c/tf_tensor.h",
  "tensorflow/c/tf_tstring.h",
  "tensorflow/core/platform/ctstring.h",
  "tensorflow/core/platform/ctstring_internal.h",
  "tsl/platform/ctstring.h",
  "tsl/platform/ctstring_internal.h",
  "xla/tsl/c/tsl_status.h",
];

/**
 * Where NVIDIA's libraries go. The loader finds them without LD_LIBRARY_PATH: TensorFlow's own run path names this
 * folder (`$ORIGIN/../nvidia/cuda_runtime/lib`, relative to deps/lib), and their own name the folder they lie in.
 * One folder for all, because spread out as in site-packages TensorFlow misses cuSOLVER, and cuDNN misses NVRTC.
 */
export const NVIDIA_LIBRARIES = "deps/nvidia/cuda_runtime/lib";

/** Where TensorFlow looks for the assembler and the mathematical functions of kernels that it generates. */
const NVIDIA_COMPILER = "deps/nvidia/cuda_nvcc";

/**
 * @typedef {object} Wheel
 * @property {string} name on PyPI
 * @property {string} version
 * @property {string} platformTag
 * @property {string} sha256
 * @property {number} megabytes to download
 * @property {Record<string, string>} members file in the wheel to file in the cache
 */

/**
 * @typedef {object} Variant
 * @property {string} key distinguishes what is built from it in the cache
 * @property {number} neededDiskBytes for the result and, for a moment, the largest wheel
 * @property {Wheel[]} wheels
 */

/** @type {Wheel["members"]} */
const tensorflowMembers = {
  ...Object.fromEntries(TENSORFLOW_LIBRARIES.map((name) => [`tensorflow/${name}`, `deps/lib/${name}`])),
  ...Object.fromEntries(HEADERS.map((name) => [`tensorflow/include/${name}`, `deps/include/${name}`])),
};

/**
 * @param {string} name
 * @param {string} platformTag
 * @param {string} sha256
 * @param {number} megabytes
 * @returns {Wheel}
 */
function tensorflowWheel(name, platformTag, sha256, megabytes) {
  return { name, version: TENSORFLOW_VERSION, platformTag, sha256, megabytes, members: tensorflowMembers };
}

/**
 * @param {string} part of the wheel's name, e.g. "cublas"
 * @param {string} version
 * @param {string} sha256
 * @param {number} megabytes
 * @param {string[]} libraries what is taken from its `lib`
 * @param {string[]} [others] what else is taken, by path in the wheel's folder
 * @returns {Wheel}
 */
function nvidiaWheel(part, version, sha256, megabytes, libraries, others = []) {
  const folder = `nvidia/${part.replaceAll("-", "_")}`;
  return {
    name: `nvidia-${part}-cu12`,
    version,
    platformTag: "manylinux2014_x86_64",
    sha256,
    megabytes,
    members: {
      ...Object.fromEntries(
        libraries.map((name) => [`${folder}/lib/${name}`, `${NVIDIA_LIBRARIES}/${name}`]),
      ),
      ...Object.fromEntries(others.map((file) => [`${folder}/${file}`, `${NVIDIA_COMPILER}/${file}`])),
    },
  };
}

const nvidiaWheels = [
  nvidiaWheel(
    "cuda-runtime",
    "12.5.82",
    "3e79a060e126df40fd3a068f3f787eb000fa51b251ec6cd97d09579632687115",
    1,
    ["libcudart.so.12"],
  ),
  nvidiaWheel("cublas", "12.5.3.2", "ca070ad70e9fa6654084575d01bd001f30cc4665e33d4bb9fc8e0f321caa034b", 363, [
    "libcublas.so.12",
    "libcublasLt.so.12",
  ]),
  nvidiaWheel("cufft", "11.2.3.61", "9a6e8df162585750f61983a638104a48c756aa13f9f48e19ab079b38e3c828b8", 193, [
    "libcufft.so.11",
  ]),
  nvidiaWheel(
    "cusolver",
    "11.6.3.83",
    "93cfafacde4428b71778eeb092ec615a02a3d05404da1bcf91c53e3fa1bce42b",
    130,
    ["libcusolver.so.11"],
  ),
  nvidiaWheel(
    "cusparse",
    "12.5.1.3",
    "016df8e993c437e8301e62739f01775cba988fd5253cd4c64173f8e8d2f8e752",
    218,
    ["libcusparse.so.12"],
  ),
  nvidiaWheel(
    "nvjitlink",
    "12.5.82",
    "f9b37bc5c8cf7509665cb6ada5aaa0ce65618f2332b7d3e78e9790511f111212",
    21,
    ["libnvJitLink.so.12"],
  ),
  nvidiaWheel("cudnn", "9.3.0.75", "9ad9c6929ebb5295eb4a1728024666d1c88283373e265a0c5c883e6f9d5cd76d", 577, [
    "libcudnn.so.9",
    "libcudnn_adv.so.9",
    "libcudnn_cnn.so.9",
    "libcudnn_engines_precompiled.so.9",
    "libcudnn_engines_runtime_compiled.so.9",
    "libcudnn_graph.so.9",
    "libcudnn_heuristic.so.9",
    "libcudnn_ops.so.9",
  ]),
  nvidiaWheel(
    "cuda-nvrtc",
    "12.5.82",
    "3dbd97b0104b4bfbc3c4f8c79cd2496307c89c43c29a9f83125f1d76296ff3fd",
    25,
    ["libnvrtc.so.12", "libnvrtc-builtins.so.12.5"],
  ),
  nvidiaWheel(
    "cuda-nvcc",
    "12.5.82",
    "b03e545b8e8c3ce7ebcd7fc44063180ff52ff01d064ece2127ed90a04ef12cd0",
    22,
    [],
    ["bin/ptxas", "nvvm/libdevice/libdevice.10.bc"],
  ),
];

/**
 * By variant, by platform. On aarch64 `tensorflow` itself is built for the CPU only.
 *
 * @type {Record<typeof VARIANTS[number], Record<string, Variant>>}
 */
export const variants = {
  cpu: {
    "linux-x64": {
      key: "",
      neededDiskBytes: 1.3e9,
      wheels: [
        tensorflowWheel(
          "tensorflow-cpu",
          "manylinux_2_27_x86_64",
          "2b847d217b02ee7731ed91431daf3250daa0196c3c94614d23be27232e6e5b6c",
          274,
        ),
      ],
    },
    "linux-arm64": {
      key: "",
      neededDiskBytes: 1.3e9,
      wheels: [
        tensorflowWheel(
          "tensorflow",
          "manylinux_2_27_aarch64",
          "4b24aca16d527a3cf1c37f720c04c484c3d20f4d0fdfa98632ac8b9f3be6eb5c",
          282,
        ),
      ],
    },
  },
  cuda: {
    "linux-x64": {
      key: "-cuda12.5",
      neededDiskBytes: 4.3e9,
      wheels: [
        tensorflowWheel(
          "tensorflow",
          "manylinux_2_27_x86_64",
          "9056fbc9ba04235810b71ae6cbd958a196e8804fb53bbcffbf3e23b56155f124",
          572,
        ),
        ...nvidiaWheels,
      ],
    },
  },
};
