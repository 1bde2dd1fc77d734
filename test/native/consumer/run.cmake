# Installs the build in BUILD below it, then builds and runs the project in SOURCE against that: with find_package, and by hand
# with what pkg-config answers (where pkg-config is there).
set(prefix ${BUILD}/consumer-prefix)
set(out ${BUILD}/consumer)
file(REMOVE_RECURSE ${prefix} ${out})

function(run)
  execute_process(COMMAND ${ARGV} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "${ARGV}: ${result}\n${output}")
  endif()
endfunction()

run(${CMAKE_COMMAND} -E make_directory ${out})
run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${prefix})
run(${CMAKE_COMMAND} -S ${SOURCE} -B ${out} -D CMAKE_PREFIX_PATH=${prefix} -D CMAKE_C_COMPILER=${COMPILER})
run(${CMAKE_COMMAND} --build ${out})
run(${out}/with-hakmem)
run(${out}/with-hakmem_static)

find_program(pkg_config pkg-config)
if(pkg_config)
  file(GLOB_RECURSE pc ${prefix}/*/hakmem.pc)
  get_filename_component(directory ${pc} DIRECTORY)
  execute_process(COMMAND ${CMAKE_COMMAND} -E env PKG_CONFIG_PATH=${directory} ${pkg_config}
    --cflags --libs hakmem OUTPUT_VARIABLE flags COMMAND_ERROR_IS_FATAL ANY)
  separate_arguments(flags UNIX_COMMAND "${flags}")
  get_filename_component(libraries ${directory} DIRECTORY)
  run(${COMPILER} ${SOURCE}/main.c -o ${out}/with-pkg-config ${flags})
  run(${CMAKE_COMMAND} -E env LD_LIBRARY_PATH=${libraries} ${out}/with-pkg-config)
endif()
