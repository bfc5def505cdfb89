#pragma once
#include <hdf5.h>
// A dependency of hdf5: its development package brings this header.
#include <zlib.h>

// The library's constants are macros over variables that exist only after H5open; Swift sees functions.
static inline hid_t a2v_hdf5_type_double(void) { return H5T_NATIVE_DOUBLE; }
static inline hid_t a2v_hdf5_type_float(void) { return H5T_NATIVE_FLOAT; }
static inline hid_t a2v_hdf5_type_int64(void) { return H5T_NATIVE_INT64; }
static inline hid_t a2v_hdf5_file_double(void) { return H5T_IEEE_F64LE; }
static inline hid_t a2v_hdf5_file_float(void) { return H5T_IEEE_F32LE; }
static inline hid_t a2v_hdf5_file_int64(void) { return H5T_STD_I64LE; }
static inline hid_t a2v_hdf5_string(void) { return H5T_C_S1; }
static inline hid_t a2v_hdf5_file_access(void) { return H5P_FILE_ACCESS; }
static inline hid_t a2v_hdf5_dataset_create(void) { return H5P_DATASET_CREATE; }
static inline hid_t a2v_hdf5_link_create(void) { return H5P_LINK_CREATE; }
static inline size_t a2v_hdf5_variable(void) { return H5T_VARIABLE; }
static inline unsigned a2v_hdf5_truncate(void) { return H5F_ACC_TRUNC; }
static inline void a2v_hdf5_silence(void) { H5Eset_auto2(H5E_DEFAULT, NULL, NULL); }
