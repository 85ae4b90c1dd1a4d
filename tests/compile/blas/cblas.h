/* cblas.h - as much of OpenBLAS' header as LLM_USE_OPENBLAS uses, for tests where it is not installed. */
#ifndef CBLAS_H
#define CBLAS_H
#define STAND_IN_BLAS

enum CBLAS_ORDER { CblasRowMajor = 101, CblasColMajor = 102 };
enum CBLAS_TRANSPOSE { CblasNoTrans = 111, CblasTrans = 112 };

void openblas_set_num_threads(int threads);
void cblas_sgemm(enum CBLAS_ORDER order, enum CBLAS_TRANSPOSE transpose_a, enum CBLAS_TRANSPOSE transpose_b,
                 int m, int n, int k, float alpha, const float *a, int lda, const float *b, int ldb, float beta,
                 float *c, int ldc);
#endif
