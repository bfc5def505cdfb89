print("animal2vec")
