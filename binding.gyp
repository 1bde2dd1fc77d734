# The addon and the preload library, built by node-gyp. CMakeLists.txt builds the same from the same lists:
# native/core/sources.txt (the core's files) and native/warnings.txt (warning flags; a response file of the compiler's, so that
# Node's own common.gypi, which takes -Werror away from addons, does not see it). Paths in flags start at build/.
{
  'variables': {
    'core_sources': [
      '<!@(node -p "require(\'fs\').readFileSync(\'native/core/sources.txt\', \'utf8\').trim().split(/\\s+/).map((name) => \'native/core/\' + name).join(\' \')")',
    ],
    'addon_api': '<!(node -p "require(\'path\').relative(\'build\', require(\'node-addon-api\').include_dir)")',
  },
  'target_defaults': {
    'include_dirs': ['native/include'],
    # HAK_STATIC: no symbol of the C library's is exported.
    'defines': ['HAK_STATIC'],
    'cflags!': ['-Wno-unused-parameter'],
    'cflags': ['-O2', '-fvisibility=hidden', '@../native/warnings.txt', '-include', '../native/oldest_glibc.h'],
    'cflags_c': ['-std=c11'],
    'ldflags!': ['-rdynamic'],
    'configurations': {
      'Release': { 'cflags!': ['-O3', '-fno-omit-frame-pointer'] },
    },
  },
  'targets': [
    {
      'target_name': 'hakmem',
      'sources': [
        '<@(core_sources)',
        'native/binding/addon.cc',
        'native/binding/arguments.cc',
        'native/binding/environment.cc',
        'native/binding/handover.cc',
        'native/binding/heap_object.cc',
        'native/binding/slab_memory.cc',
        'native/binding/stats_object.cc',
        'native/binding/token.cc',
      ],
      'defines': [
        'NAPI_VERSION=8',
        'NODE_ADDON_API_DISABLE_CPP_EXCEPTIONS',
        'NODE_ADDON_API_DISABLE_DEPRECATED',
        # In a worker that is being terminated an error cannot be thrown; without this that aborts the process.
        'NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS',
      ],
      'cflags_cc!': ['-std=gnu++17', '-std=gnu++20'],
      'cflags_cc': ['-std=c++17', '-fno-exceptions', '-fno-rtti', '-isystem', '<(addon_api)'],
      'ldflags': ['-Wl,--version-script=../native/binding/exports.map', '-Wl,-z,nodelete'],
    },
    {
      'target_name': 'hakmem-preload',
      'type': 'shared_library',
      'product_name': 'libhakmem-preload',
      'sources': [
        '<@(core_sources)',
        'native/preload/foreign.c',
        'native/preload/inherit.c',
        'native/preload/limits.c',
        'native/preload/malloc.c',
        'native/preload/operators.c',
        'native/preload/report.c',
        'native/preload/start.c',
      ],
      # Loaded with the program, so its thread-local memory is reserved at start: the short way to it may be taken.
      # -fno-builtin-malloc: calloc must not become malloc and memset, nor a test of malloc's result vanish.
      # Each function and variable in a section of its own, for layout.ld.
      'cflags': ['-ftls-model=initial-exec', '-fno-builtin-malloc', '-ffunction-sections', '-fdata-sections'],
      # -static-libgcc: the linker's driver is that of C++, which would have every program load libgcc_s.so.
      'ldflags': ['-Wl,-z,nodelete', '-Wl,-z,initfirst', '-Wl,-z,defs', '-static-libgcc', '-Wl,--gc-sections', '-Wl,-T,../native/preload/layout.ld'],
      # Part of libc since glibc 2.34, and then nothing to load.
      'libraries': ['-lpthread', '-ldl'],
    },
  ],
}
