package resolver

import (
	"slices"
	"strings"
)

// alike are names of known packages that are like one that no index has: the package that contains a module of that name,
// or names that one or two slips of the keyboard away. An index is asked before any of them is offered.
func alike(name string) []string {
	var out []string
	if other := importNames[name]; other != "" {
		out = append(out, other)
	}
	type near struct {
		name string
		far  int
	}
	var list []near
	for known := range strings.FieldsSeq(wellKnown) {
		if far := slips(name, known); far > 0 && far <= min(2, len(name)/3) {
			list = append(list, near{known, far})
		}
	}
	slices.SortStableFunc(list, func(a, b near) int { return a.far - b.far })
	for _, n := range list[:min(len(list), 3)] {
		if !slices.Contains(out, n.name) {
			out = append(out, n.name)
		}
	}
	return out
}

// slips counts the letters to add, leave out, replace or swap with their neighbour to make one name of another (optimal
// string alignment distance).
func slips(a, b string) int {
	rows := [3][]int{make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		last, row, before := rows[(i-1)%3], rows[i%3], rows[(i+1)%3]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
	}
	return rows[len(a)%3][len(b)]
}

// wellKnown are packages that machine learning projects ask for, to compare misspelt names with.
const wellKnown = `
accelerate aiohttp albumentations altair annoy arviz asteroid astropy autogluon av beautifulsoup4 biopython bitsandbytes black
bokeh boto3 botocore catboost celery chainlit chromadb click clearml cloudpickle colorama comet-ml coremltools cupy-cuda12x
dask dataclasses-json datasets deepspeed detectron2 diffusers dill distributed dvc dvclive easyocr einops elasticsearch
evaluate fairseq faiss-cpu faiss-gpu fastai fastapi fasttext filelock flask flask-cors flax fsspec ftfy geopandas gensim gradio
grpcio gunicorn gymnasium h5py hdbscan httpx huggingface-hub hydra-core hyperopt imageio imbalanced-learn ipykernel ipython
ipywidgets jax jaxlib jinja2 joblib jsonschema jupyter jupyterlab keras kornia langchain langchain-community langchain-core
langchain-openai langgraph librosa lightgbm lightning litellm llama-index llama-cpp-python loguru lxml marimo matplotlib mediapipe
mlflow mlx mmcv monai mujoco mxnet nbformat neptune networkx nibabel nltk notebook numba numexpr numpy omegaconf onnx
onnxruntime onnxruntime-gpu openai opencv-contrib-python opencv-python opencv-python-headless openpyxl optax optimum optuna orjson
packaging pandas pandera panel peft pillow plotly polars prefect prometheus-client protobuf psutil psycopg2-binary pyarrow
pydantic pydantic-settings pydicom pyspark pytest python-dateutil python-dotenv python-multipart pytorch-lightning
pytorch-lightning-bolts pyyaml ray redis regex requests rich rouge-score sacrebleu safetensors scikit-image scikit-learn
scikit-optimize scipy seaborn segmentation-models-pytorch sentence-transformers sentencepiece seqeval setuptools shap shapely
simpletransformers sktime soundfile spacy sqlalchemy stable-baselines3 starlette statsmodels streamlit sympy tabulate
tensorboard tensorboardx tensorflow tensorflow-cpu tensorflow-datasets tensorflow-hub tensorflow-probability tensorflow-text
tenacity textblob tiktoken timm tokenizers torch torch-geometric torchaudio torchdata torchmetrics torchtext torchvision tqdm
transformers triton trl typer typing-extensions ultralytics umap-learn unsloth urllib3 uvicorn vllm wandb weaviate-client
websockets xarray xformers xgboost zarr`
