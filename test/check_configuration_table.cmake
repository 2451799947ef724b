# Compares the table of configuration keys in docs with what the program prints.
# usage: cmake -DPROGRAM=d2det_train -DTABLE=docs/configuration.md -P check_configuration_table.cmake
execute_process(COMMAND ${PROGRAM} --help-config OUTPUT_VARIABLE printed RESULT_VARIABLE status)
if(NOT status EQUAL 0 OR printed STREQUAL "")
  message(FATAL_ERROR "${PROGRAM} --help-config failed: ${status}")
endif()
file(READ ${TABLE} kept)
if(NOT printed STREQUAL kept)
  message(FATAL_ERROR "${TABLE} is not what the program prints. Write it anew: d2det_train --help-config > docs/configuration.md")
endif()
